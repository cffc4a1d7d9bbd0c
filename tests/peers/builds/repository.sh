# A git repository to add from: `repo.git` in the working directory. Its commits are the same whoever makes them.
set -eu
umask 022
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a.invalid GIT_AUTHOR_DATE='2020-01-01T00:00:00Z'
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a.invalid GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git -c init.defaultBranch=main init -q repo && cd repo
mkdir sub && echo one >one && echo two >sub/two && printf '#!/bin/sh\n' >run && chmod 755 run && ln -s one link
git add . && git commit -qm first && git tag v1
echo changed >one && git commit -qam second && git checkout -q -b other && echo other >sub/two && git commit -qam third
git checkout -q main && cd .. && git clone -q --bare repo repo.git && rm -r repo
