//! How many files this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process open as many files as the system allows it: blobs that wait for their names, or are held for
/// reading, are open files, and the usual limit of 1024 is less than an archive of many images needs.
///
/// Where that is not allowed the limit stays, and opening too many files fails.
pub(crate) fn allow_many_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
