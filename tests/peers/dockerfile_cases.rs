//! Dockerfiles that are shown to BuildKit and to `crates/dockerfile`. None needs a base image or a file.

/// Each begins with a line `=== name`.
pub(crate) const CASES: &str = r##"
=== smallest
FROM scratch
=== comment and blank lines
# hello

FROM scratch

# world
COPY a /
=== lower case keywords
from scratch
copy a /
=== unknown instruction
FROM scratch
FOO bar
=== unknown instruction lower
FROM scratch
copyy a b
=== only comments
# nothing

=== instruction before from
RUN true
FROM scratch
=== arg alone
ARG a=1
=== from with two words
FROM scratch as
=== from with four words
FROM scratch AS a b
=== from without words
FROM
=== stage name with digit first
FROM scratch AS 1a
=== stage name with symbol
FROM scratch AS a/b
=== stage name with upper case
FROM scratch AS Build
=== as casing
FROM scratch as build
=== as casing reversed
from scratch AS build
=== from flag unknown
FROM --platfrom=linux/amd64 scratch
=== from flag twice
FROM --platform=linux/amd64 --platform=linux/amd64 scratch
=== from platform constant
FROM --platform=linux/amd64 scratch
=== from platform constant in name
FROM --platform=linux/amd64 scratch AS build-amd64
=== from platform target
FROM --platform=$TARGETPLATFORM scratch
=== from platform target braces
FROM --platform=${TARGETPLATFORM} scratch
=== from platform build
FROM --platform=$BUILDPLATFORM scratch
=== from platform invalid
FROM --platform=foo/bar/baz/qux scratch
=== from platform unknown word
FROM --platform=foo scratch
=== from platform empty
FROM --platform=$FOO scratch
=== from platform os only
FROM --platform=linux scratch
=== from platform arch only
FROM --platform=arm64 scratch
=== from arg
ARG base=scratch
FROM $base
=== from arg undefined
FROM $base
=== from arg undefined with default
FROM ${base:-scratch}
=== from arg misspelt
ARG version=1
FROM scratch AS a
FROM ${vesion:-a}
=== from arg without default
ARG base
FROM $base
=== from arg without default and rest
ARG tag
FROM scratch${tag}
=== from default arg invalid
ARG base=Foo
FROM ${base}x
=== from invalid reference
FROM Foo_Bar
=== from stage
FROM scratch AS a
FROM a
COPY x /
=== from stage other case
FROM scratch AS a
FROM A
=== from later stage name is image syntax
FROM scratch AS a
COPY --from=b /x /
FROM scratch AS b
=== copy from self
FROM scratch AS a
COPY --from=a /x /
=== copy from number
FROM scratch
COPY a /
FROM scratch
COPY --from=0 /a /
=== copy from number too large
FROM scratch
COPY --from=7 /a /
=== copy from own number
FROM scratch
COPY --from=0 /a /
=== copy from variable
FROM scratch AS a
ARG s=a
FROM scratch
COPY --from=$s /a /
=== copy from scratch
FROM scratch
COPY --from=scratch /a /
=== copy from name in upper case
FROM scratch AS a
FROM scratch
COPY --from=A /a /
=== copy from negative
FROM scratch
COPY --from=-1 /a /
=== circle of two
FROM scratch AS a
COPY --from=b /x /
FROM scratch AS b
COPY --from=a /x /
=== duplicate stage name
FROM scratch AS a
FROM scratch AS a
=== reserved stage name
FROM scratch AS scratch
=== reserved stage name context
FROM scratch AS context
=== copy one argument
FROM scratch
COPY a
=== copy no argument
FROM scratch
COPY
=== copy json
FROM scratch
COPY ["a b", "c", "/d/"]
=== copy json one
FROM scratch
COPY ["a"]
=== copy json number
FROM scratch
COPY ["a", 1]
=== copy json broken
FROM scratch
COPY ["a" "b"] /
=== copy flags
FROM scratch
COPY --chown=1:2 --chmod=755 --link a b /c/
=== copy chmod symbolic
FROM scratch
COPY --chmod=u=rwX,go=rX a /
=== copy chmod invalid
FROM scratch
COPY --chmod=abc a /
=== copy chmod too large
FROM scratch
COPY --chmod=77777 a /
=== copy chmod nine
FROM scratch
COPY --chmod=9 a /
=== copy chmod variable
FROM scratch
ARG mode=644
COPY --chmod=$mode a /
=== copy flag unknown
FROM scratch
COPY --chwon=1 a /
=== copy flag twice
FROM scratch
COPY --chown=1 --chown=2 a /
=== copy flag bool value
FROM scratch
COPY --link=false a /
=== copy flag bool empty
FROM scratch
COPY --link= a /
=== copy flag bool wrong
FROM scratch
COPY --link=1 a /
=== copy flag value missing
FROM scratch
COPY --chown a /
=== copy flag quoted
FROM scratch
COPY --chown="1:2" a /
=== copy dashes
FROM scratch
COPY -- --a /b
=== copy url
FROM scratch
COPY http://example.com/x /
=== copy git
FROM scratch
COPY https://example.com/x.git /
=== copy heredoc
FROM scratch
COPY <<EOF /a
hello $HOME
EOF
=== copy two heredocs
FROM scratch
COPY <<A <<B /d/
a
A
b
B
=== copy heredoc quoted
FROM scratch
COPY <<'EOF' /a
$NOT
EOF
=== copy heredoc undefined variable
FROM scratch
COPY <<EOF /a
$undefined "quoted ${other}"
EOF
=== copy heredoc unterminated
FROM scratch
COPY <<EOF /a
hello
=== copy heredoc as destination
FROM scratch
COPY a <<EOF
x
EOF
=== copy heredoc and file
FROM scratch
COPY a <<EOF b /d/
x
EOF
=== heredoc bad substitution
FROM scratch
COPY <<EOF /a
${
EOF
=== heredoc in quotes
FROM scratch
COPY "<<EOF" /a
=== run heredoc
FROM scratch
RUN <<EOF
FOO bar
EOF
=== run heredoc dash
FROM scratch
RUN <<-EOF
	echo a
	EOF
COPY a /
=== run heredoc descriptor
FROM scratch
RUN cat 3<<A <<B
a
A
b
B
=== run heredoc not in json
FROM scratch
RUN ["<<EOF"]
=== run heredoc quote open
FROM scratch
RUN echo 'it <<EOF
=== run heredoc name quote open
FROM scratch
RUN cat <<EOF'x
EOF
=== run three less
FROM scratch
RUN cat <<<EOF
=== run empty
FROM scratch
RUN
=== run json with number
FROM scratch
RUN ["a", 5]
=== run json nested
FROM scratch
RUN ["a", ["b"]]
=== run json broken
FROM scratch
RUN ["a",]
=== run flag unknown
FROM scratch
RUN --mont=type=cache,target=/x true
=== run mount cache
FROM scratch
RUN --mount=type=cache,target=/x,sharing=locked,uid=1,gid=2,mode=0700,id=a true
=== run mount from variable
FROM scratch
ARG s=a
RUN --mount=from=$s,target=/x true
=== run mount unknown type
FROM scratch
RUN --mount=type=foo,target=/x true
=== run mount unknown key
FROM scratch
RUN --mount=type=cache,taget=/x true
=== run mount no value
FROM scratch
RUN --mount=type=cache,target true
=== run mount required before type
FROM scratch
RUN --mount=required,type=secret,id=a true
=== run mount secret
FROM scratch
RUN --mount=type=secret,id=a,required,env=A true
=== run mount secret from
FROM scratch
RUN --mount=type=secret,id=a,from=b true
=== run mount secret nothing
FROM scratch
RUN --mount=type=secret true
=== run mount secret both
FROM scratch
RUN --mount=type=secret,id=a,source=b true
=== run mount ssh
FROM scratch
RUN --mount=type=ssh,required=true,mode=600 true
=== run mount tmpfs size
FROM scratch
RUN --mount=type=tmpfs,target=/x,size=64m true
=== run mount tmpfs size wrong
FROM scratch
RUN --mount=type=tmpfs,target=/x,size=64x true
=== run mount size on cache
FROM scratch
RUN --mount=type=cache,target=/x,size=64m true
=== run mount sharing wrong
FROM scratch
RUN --mount=type=cache,target=/x,sharing=none true
=== run mount sharing on bind
FROM scratch
RUN --mount=type=bind,target=/x,sharing=shared true
=== run mount uid on bind
FROM scratch
RUN --mount=type=bind,target=/x,uid=1 true
=== run mount mode wrong
FROM scratch
RUN --mount=type=cache,target=/x,mode=9 true
=== run mount readonly wrong
FROM scratch
RUN --mount=type=bind,target=/x,ro=maybe true
=== run mount bare quote
FROM scratch
RUN --mount=type=bind,tar\"get=/x true
=== run mount undefined variable
FROM scratch
RUN --mount=type=cache,target=$nowhere/x true
=== run mount from stage
FROM scratch AS a
FROM scratch
RUN --mount=from=a,target=/x true
=== run mount from later stage
FROM scratch
RUN --mount=from=b,target=/x true
FROM scratch AS b
=== run network
FROM scratch
RUN --network=none true
=== run network wrong
FROM scratch
RUN --network=foo true
=== run security wrong
FROM scratch
RUN --security=foo true
=== cmd shell form
FROM scratch
CMD echo a
=== cmd json
FROM scratch
CMD ["echo", "a"]
=== cmd empty
FROM scratch
CMD
=== cmd empty json
FROM scratch
CMD []
=== cmd twice
FROM scratch
CMD ["a"]
CMD ["b"]
=== cmd single quotes
FROM scratch
CMD ['a']
=== cmd flag
FROM scratch
CMD --x a
=== cmd after shell
FROM scratch
SHELL ["/bin/bash", "-c"]
CMD a
=== entrypoint shell form
FROM scratch
entrypoint a
=== entrypoint twice in stage
FROM scratch AS a
ENTRYPOINT ["a"]
FROM a
ENTRYPOINT ["b"]
ENTRYPOINT ["c"]
=== shell not json
FROM scratch
SHELL bash -c
=== shell empty
FROM scratch
SHELL []
=== shell inherited
FROM scratch AS a
SHELL ["/bin/bash", "-c"]
FROM a
CMD a
=== healthcheck none
FROM scratch
HEALTHCHECK NONE
=== healthcheck none with argument
FROM scratch
HEALTHCHECK NONE a
=== healthcheck cmd
FROM scratch
HEALTHCHECK --interval=5m --timeout=3s --start-period=1.5s --start-interval=1s --retries=3 CMD curl
=== healthcheck lower
FROM scratch
HEALTHCHECK cmd curl
=== healthcheck json
FROM scratch
HEALTHCHECK CMD ["a"]
=== healthcheck no command
FROM scratch
HEALTHCHECK CMD
=== healthcheck nothing
FROM scratch
HEALTHCHECK
=== healthcheck type
FROM scratch
HEALTHCHECK FOO a
=== healthcheck interval short
FROM scratch
HEALTHCHECK --interval=1us CMD a
=== healthcheck interval zero
FROM scratch
HEALTHCHECK --interval=0s CMD a
=== healthcheck interval number
FROM scratch
HEALTHCHECK --interval=5 CMD a
=== healthcheck interval negative
FROM scratch
HEALTHCHECK --interval=-5s CMD a
=== healthcheck retries
FROM scratch
HEALTHCHECK --retries=-1 CMD a
=== healthcheck retries text
FROM scratch
HEALTHCHECK --retries=x CMD a
=== healthcheck flag
FROM scratch
HEALTHCHECK --intervall=5s CMD a
=== healthcheck twice
FROM scratch
HEALTHCHECK NONE
HEALTHCHECK CMD a
=== env
FROM scratch
ENV a=1 b="2 3" c=4\ 5 d='6'
=== env legacy
FROM scratch
ENV a b c
=== env legacy lower
FROM scratch
env a b c
=== env one word
FROM scratch
ENV a
=== env nothing
FROM scratch
ENV
=== env blank name
FROM scratch
ENV =a
=== env second without equals
FROM scratch
ENV a=1 b
=== env quote open
FROM scratch
ENV a="b
=== env old value
FROM scratch
ENV a=1
ENV a=2 b=$a
=== env undefined
FROM scratch
ENV a=$b
=== env undefined twice
FROM scratch
ENV a=$b c=$b d=$e$f
=== env undefined misspelt
FROM scratch
ENV version=1
ENV x=$vesion
=== env undefined default
FROM scratch
ENV a=${b:-c}
=== env required
FROM scratch
ENV a="${b:?no b}"
=== env bad substitution
FROM scratch
ENV a=${b
=== env modifier
FROM scratch
ENV a=${b=c}
=== env patterns
FROM scratch
ENV a=foo.tar.gz
ENV b=${a%.*} c=${a%%.*} d=${a#*.} e=${a##*.} f=${a/o/0} g=${a//o/0}
=== env pattern escape
FROM scratch
ENV a=foo
ENV b=${a#\x}
=== env path
FROM scratch
ENV PATH=/x:$PATH
=== env secret
FROM scratch
ENV API_KEY=1 PUBLIC_KEY=2 key_file=3 monkey=4 Auth=5
=== env secret skipped
FROM scratch
# check=skip=SecretsUsedInArgOrEnv
ENV TOKEN=1
ENV TOKEN=2
=== arg secret
FROM scratch
ARG PASSWORD
ARG db_password=x other=y
=== arg
FROM scratch
ARG a b=1 c="2 3"
=== arg nothing
FROM scratch
ARG
=== arg blank
FROM scratch
ARG =1
=== arg uses own
FROM scratch
ARG a=1 b=$a
=== arg undefined
FROM scratch
ARG a=$b
=== arg itself
FROM scratch
ARG a=$a
=== arg without value used
FROM scratch
ARG a
ENV b=$a
=== arg global not declared
ARG a=1
FROM scratch
ENV b=$a
=== arg global declared
ARG a=1
FROM scratch
ARG a
ENV b=$a
=== arg inherited from stage
FROM scratch AS x
ARG a=1
FROM x
ENV b=$a
=== arg platform
FROM scratch
ENV b=$TARGETARCH
ARG TARGETARCH
ENV c=$TARGETARCH
=== arg global bad
ARG a=${b
FROM scratch
=== arg global order
ARG a=${b:-scratch}
ARG b=2
FROM $a
=== label
FROM scratch
LABEL a=1 "b c"="d e" f=$g
=== label legacy
FROM scratch
LABEL a b
=== label one
FROM scratch
LABEL a
=== label multi line
FROM scratch
LABEL a=1 \
      # comment
      b=2 \

      c=3
=== expose
FROM scratch
EXPOSE 80 443/tcp 53/udp 8000-8010
=== expose nothing
FROM scratch
EXPOSE
=== expose proto
FROM scratch
EXPOSE 80/foo
=== expose upper
FROM scratch
EXPOSE 80/TCP 90/Udp
=== expose host
FROM scratch
EXPOSE 127.0.0.1:80:80
=== expose mapping
FROM scratch
EXPOSE 8080:80/UDP
=== expose word
FROM scratch
EXPOSE http
=== expose large
FROM scratch
EXPOSE 65536
=== expose range reversed
FROM scratch
EXPOSE 90-80
=== expose variable
FROM scratch
ARG ports="80 81"
EXPOSE $ports
=== expose undefined
FROM scratch
EXPOSE $ports
=== volume
FROM scratch
VOLUME /a /b
=== volume json
FROM scratch
VOLUME ["/a", " /b "]
=== volume empty
FROM scratch
VOLUME [""]
=== volume nothing
FROM scratch
VOLUME
=== volume empty json
FROM scratch
VOLUME []
=== volume variable to nothing
FROM scratch
VOLUME $nothing
=== user
FROM scratch
USER a:b
=== user with words
FROM scratch
USER a b
=== user nothing
FROM scratch
USER
=== user flag
FROM scratch
USER --x a
=== workdir relative
FROM scratch
WORKDIR a
WORKDIR b
=== workdir absolute then relative
FROM scratch
WORKDIR /a
WORKDIR b
=== workdir variable
FROM scratch
ENV d=/x
WORKDIR $d/y
=== workdir inherited
FROM scratch AS a
WORKDIR /x
FROM a
WORKDIR y
=== workdir nothing
FROM scratch
WORKDIR
=== stopsignal
FROM scratch
STOPSIGNAL SIGTERM
=== stopsignal number
FROM scratch
STOPSIGNAL 9
=== stopsignal wrong
FROM scratch
STOPSIGNAL SIGFOO
=== stopsignal realtime
FROM scratch
STOPSIGNAL rtmin+3
=== stopsignal zero
FROM scratch
STOPSIGNAL 0
=== maintainer
FROM scratch
MAINTAINER me <me@example.com>
=== maintainer nothing
FROM scratch
MAINTAINER
=== maintainer flag
FROM scratch
MAINTAINER --boo me
=== onbuild
FROM scratch
ONBUILD COPY a /
=== onbuild nothing
FROM scratch
ONBUILD
=== onbuild onbuild
FROM scratch
ONBUILD ONBUILD RUN a
=== onbuild from
FROM scratch
ONBUILD FROM a
=== onbuild maintainer
FROM scratch
ONBUILD maintainer a
=== onbuild flag
FROM scratch
ONBUILD --x RUN a
=== onbuild env wrong
FROM scratch
ONBUILD ENV a
=== onbuild heredoc
FROM scratch
ONBUILD COPY <<EOF /a
x
EOF
=== onbuild used
FROM scratch AS a
ONBUILD ENV x=$undefined
FROM a
COPY b /
=== onbuild used wrong
FROM scratch AS a
ONBUILD RUN --network=foo x
FROM a
=== onbuild copy from
FROM scratch AS src
FROM scratch AS a
ONBUILD COPY --from=src /x /
FROM a
=== add
FROM scratch
ADD --chown=1 --checksum=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa http://example.com/x /
=== add checksum local
FROM scratch
ADD --checksum=sha256:aa a /
=== add checksum two
FROM scratch
ADD --checksum=sha256:aa http://a/b http://a/c /
=== add flag unknown
FROM scratch
ADD --from=x a /
=== add keep git dir
FROM scratch
ADD --keep-git-dir=true a /
=== add heredoc
FROM scratch
ADD <<x /y
z
x
=== escape directive
# escape=`
FROM scratch
ENV a=C:\dir b=`$x
COPY a `
     /b
=== escape directive wrong
# escape=x
FROM scratch
=== escape directive twice
# escape=`
# escape=\
FROM scratch
=== escape directive after comment
# comment
# escape=`
FROM scratch
ENV a=\$x
=== escape directive after blank

# escape=`
FROM scratch
ENV a=\$x
=== syntax like comment
# syntaxx=foo
FROM scratch
=== check skip all
# check=skip=all
FROM scratch as a
cmd a
=== check skip two
# check=skip=JSONArgsRecommended,FromAsCasing
FROM scratch as a
cmd a
=== check option wrong
# check=foo=bar
FROM scratch
=== check option no value
# check=skip
FROM scratch
=== check experimental
# check=experimental=all
# about nothing
FROM scratch AS a
# b is good
ARG b
# c is not b
ARG d e
=== check comment indented
FROM scratch
  # check=skip=all
CMD a
=== check comment
FROM scratch
# check=skip=all
CMD a
=== continuation at end of file
FROM scratch
COPY a \
=== continuation with blanks
FROM scratch
COPY a \  
  b \	
  /c
=== continuation two escapes
FROM scratch
RUN echo a \\
COPY b /
=== continuation empty lines
FROM scratch
COPY a \

  b \


  /c
=== continuation comments
FROM scratch
COPY a \
# comment
  # comment
  /c
=== continuation alone
FROM scratch
\
COPY a /b
=== casing mixed
FROM scratch
Copy a /
copy b /
=== casing tie
FROM scratch
copy b /
=== casing majority lower
from scratch
copy b /
COPY c /
=== arg flag
FROM scratch
ARG --x a
=== stopsignal flag
FROM scratch
STOPSIGNAL --x 9
=== healthcheck none flag
FROM scratch
HEALTHCHECK --x NONE
=== onbuild unknown
FROM scratch
ONBUILD FOO a
=== onbuild copy one argument
FROM scratch
ONBUILD COPY a
=== expose default beside text
FROM scratch
EXPOSE 70${x:-80}
=== run device
FROM scratch
RUN --device=vendor.com/d=1 true
=== copy json like heredoc
FROM scratch
COPY ["<<EOF", "/"]
=== replacement with a dollar
FROM scratch
ENV a=axa
ENV b=${a//x/\$y}
WORKDIR /${b}
=== forms nested deep
FROM scratch
ENV a=${a:-${a:-${a:-${a:-${a:-${a:-${a:-${a:-${a:-${a:-x}}}}}}}}}}
=== copy parents
FROM scratch
COPY --parents a/./b /
=== copy exclude
FROM scratch
COPY --exclude=*.o --exclude=b a /
=== add unpack
FROM scratch
ADD --unpack=true a /
=== add exclude
FROM scratch
ADD --exclude=a . /
=== add git
FROM scratch
ADD --keep-git-dir https://example.com/x.git#main /
=== multiple healthcheck and cmd
FROM scratch
HEALTHCHECK CMD a
CMD ["a"]
healthcheck cmd b
=== undefined in every instruction
FROM scratch
COPY --chown=$a --chmod=${b:-644} $c $d /$e
ADD --chown=$a $c /
ENV $f=$g
LABEL $h=$i
USER $j
VOLUME $k/a
WORKDIR /$l
STOPSIGNAL ${m:-9}
RUN echo $n
CMD ["$o"]
ENTRYPOINT ["$p"]
MAINTAINER $q
ONBUILD RUN $r
=== quotes in every instruction
FROM scratch
COPY --chown='1' "a" /'c'
USER "a"
VOLUME "/a"
WORKDIR '/a b'
STOPSIGNAL "9"
EXPOSE "80"
=== quote open in user
FROM scratch
USER "a
=== quote open in volume
FROM scratch
VOLUME '/a
=== escape at the end
FROM scratch
USER a\\
=== special parameters
FROM scratch
ENV a=$1 b=$@ c=${#} d=$$ e=$
=== words and json
FROM scratch
CMD [ "a", "b" ] c
=== json escapes
FROM scratch
CMD ["\u00e9\n\"", "b\qc"]
=== two froms one line
FROM scratch FROM scratch
=== keyword and tab
FROM scratch
COPY	a	/b
=== leading blanks
   FROM scratch
	COPY a /b
"##;
