"""Reads stacks of layers as trees, with a reader that is none of ours.

Each line of the file that is the argument is a job: a name to write to, then the tars of the layers from the lowest up,
apart by tabs. Written are the tree's files, a line each, sorted by name: name, permissions, owner, kind, then length and
hash, target or device; the first name of a hard link; extended attributes. The root itself is left out: no layer needs to
say anything about it.
"""
import hashlib, json, sys, tarfile

KINDS = {tarfile.DIRTYPE: "dir", tarfile.FIFOTYPE: "fifo", tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block"}
XATTR = "SCHILY.xattr."


def text(name):
    return json.dumps(name.encode("utf-8", "surrogateescape").decode("latin-1"))


def plain(name):
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def described(tar, entry):
    if entry.issym():
        what = "symlink " + text(entry.linkname)
    elif entry.isreg():
        content = tar.extractfile(entry)
        digest = hashlib.sha256()
        while block := content.read(1 << 20):
            digest.update(block)
        what = f"file {entry.size} {digest.hexdigest()[:12]}"
    else:
        what = KINDS[entry.type]
        if entry.type in (tarfile.CHRTYPE, tarfile.BLKTYPE):
            what += f" {entry.devmajor}:{entry.devminor}"
    mode = 0o777 if entry.issym() else entry.mode & 0o7777
    xattrs = "".join(
        f" {key[len(XATTR):]}={text(value)}" for key, value in sorted(entry.pax_headers.items()) if key.startswith(XATTR)
    )
    return [f"{mode:04o} {entry.uid}:{entry.gid} {what}", xattrs, entry.isdir()]


class Tree:
    def __init__(self):
        self.files = {}  # name -> what it is; the same list for hard links

    def remove(self, name, itself=True):
        below = name + "/" if name else ""
        for other in [other for other in self.files if other.startswith(below)]:
            del self.files[other]
        if itself:
            self.files.pop(name, None)

    def add(self, name, what):
        parts = name.split("/")
        for end in range(1, len(parts)):
            self.files.setdefault("/".join(parts[:end]), ["0755 0:0 dir", "", True])
        if not what[2] and self.files.get(name, what)[2]:
            self.remove(name)
        self.files[name] = what

    def apply(self, path):
        with tarfile.open(path) as tar:
            entries = [(entry, plain(entry.name)) for entry in tar]
            for entry, name in entries:  # what a layer takes away was below it
                directory, _, base = name.rpartition("/")
                if base == ".wh..wh..opq":
                    self.remove(directory, itself=False)
                elif base.startswith(".wh."):
                    self.remove(plain(f"{directory}/{base[4:]}"))
            for entry, name in entries:
                if name == "" or name.rpartition("/")[2].startswith(".wh."):
                    continue
                self.add(name, self.files[plain(entry.linkname)] if entry.islnk() else described(tar, entry))

    def lines(self):
        first = {}
        names = {}
        for what in self.files.values():
            names[id(what)] = names.get(id(what), 0) + 1
        for name in sorted(self.files, key=lambda name: name.encode("utf-8", "surrogateescape")):
            what = self.files[name]
            link = f" ={text(first.setdefault(id(what), name))}" if names[id(what)] > 1 else ""
            yield f"{text(name)} {what[0]}{link}{what[1]}\n"


for job in open(sys.argv[1], encoding="utf-8"):
    out, *layers = job.rstrip("\n").split("\t")
    tree = Tree()
    for layer in layers:
        tree.apply(layer)
    with open(out, "w", encoding="utf-8") as file:
        file.writelines(tree.lines())
