# The files that the Dockerfiles copy: `context` in the working directory, of which tests/peers/builds/*.cases speak.
set -eu
umask 022
mkdir context && cd context

echo a >a && echo bb >b && echo ccc >c.txt && : >empty && truncate -s 1M hole
printf '#!/bin/sh\necho hi\n' >tool && chmod 755 tool
for mode in 600 444 640 4755 2755 000; do echo $mode >mode-$mode; chmod $mode mode-$mode; done
mkdir dir-1777 dir-700 dir-2755 && chmod 1777 dir-1777 && chmod 700 dir-700 && chmod 2755 dir-2755
echo owned >owned && chown 1234:2345 owned
echo n >attributes && echo c >capable && mkdir attributed && echo a >attributed/a
echo h >hard && ln hard hard-too

mkdir -p d/sub/deep emptydir
echo f >d/f && echo g >d/g.txt && echo h >d/sub/h.txt && echo i >d/sub/deep/i && chmod 750 d/sub && chmod 640 d/sub/h.txt
ln -s f d/link && ln -s ../a d/up && ln -s sub d/to-dir
mkdir links && ln -s /etc/passwd links/absolute && ln -s nowhere links/gone && ln -s ../d links/d && ln -s ../../../a links/far
echo two >d/hard1 && ln d/hard1 d/hard2 && ln d/hard1 d/sub/hard3
ln -s d to-d && ln -s a to-a && ln -s d/sub/h.txt to-h && ln -s /a to-root-a

mkdir -p notes/x src/b/c
echo r >notes/README.md && echo y >notes/x/y.md && echo z >notes/x/z.txt && echo h >notes/.hidden
echo m >src/main.go && echo mt >src/main_test.go && echo a >src/b/a.go && echo at >src/b/a_test.go && echo l >src/b/c/d.log
mkdir names
for name in 'sp ace' 'ünï' '日本' '-dash' "q'uote" 'q"uote' 'br[a]cket' 'star*' 'quest?' 'back\slash' 'dol$lar' '#hash' 'a=b'; do
  echo "$name" >"names/$name"
done
echo long >"names/$(printf 'n%.0s' $(seq 240))"

mkdir packed && cd packed
mkdir -p top/in && echo one >top/one && echo two >top/in/two && chmod 600 top/one && chmod 751 top/in && ln -s one top/link && ln top/one top/same
chown 12:34 top/in/two && mkfifo top/pipe && ln -s /etc top/outside
tar --numeric-owner --sort=name -cf ../t.tar top
gzip -nc ../t.tar >../t.tgz && bzip2 -c ../t.tar >../t.tar.bz2 && xz -c ../t.tar >../t.tar.xz && zstd -qc ../t.tar >../t.tar.zst
cp ../t.tgz ../no-suffix && gzip -nc top/one >../text.gz && head -c 1500 ../t.tar >../cut.tar && head -c 100 ../t.tgz >../cut.tgz
echo 'no tar at all' >../text.tar
# over what is there, through links, and out of the root
mkdir -p d etc && echo new >d/f && echo more >etc/more && tar --numeric-owner --sort=name -cf ../over.tar d etc
echo out >out && tar --numeric-owner -P --transform 's,^,../../,' -cf ../out.tar out && tar --numeric-owner -P --transform 's,^,/abs/,' -cf ../absolute.tar out
tar -cf ../none.tar -T /dev/null
cd .. && rm -r packed
