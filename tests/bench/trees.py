"""Images as files, layers as trees: export, import of an archive, rootfs, unpack, commit."""
import os, subprocess

from fixtures import ROOT, aside, fresh, inside, tool
from measure import compare

NAME = "docker.io/library/tree:1"
DOCKER = ["docker", "-H", "unix:///dk/d.sock"]
FEW = 2     # of these, each takes a minute


def peer(*command, **options):
    subprocess.run(["chroot", ROOT, *command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)


def shell(command):
    return ["sh", "-c", command]


def exports(scratch, layout):
    out = os.path.join(scratch, "out.tar")
    inner, target = inside(layout), inside(out)
    blobs = os.path.join(layout, "blobs")
    compare("export, hybrid, to a file", {
        "oci-export": dict(command=["oci-export", "-L", layout, "tree:1", "-o", out], clean=fresh(out), sync=scratch),
        "skopeo copy, oci-archive": dict(command=["skopeo", "copy", f"oci:{inner}:{NAME}", f"oci-archive:{target}:x"],
                                         chroot=ROOT, clean=fresh(out), sync=scratch),
        "cp -r of the blobs": dict(command=["cp", "-r", "--reflink=never", blobs, out], clean=fresh(out), sync=scratch),
    }, runs=FEW + 1)
    fresh(out)()


def rootfs(scratch, layout, registry):
    out = os.path.join(scratch, "out.tar")
    name = f"127.0.0.1:{registry.port}/tree:1"
    tool("oci-push", "-L", layout, "tree:1", "--to", name)
    compare("export --format rootfs, to a file", {
        "oci-export": dict(command=["oci-export", "-L", layout, "--format", "rootfs", "tree:1", "-o", out],
                           clean=fresh(out), sync=scratch),
        "crane export": dict(command=["crane", "export", name, inside(out)], chroot=ROOT, clean=fresh(out), sync=scratch),
    }, runs=FEW)
    fresh(out)()


def archives(scratch, layout):
    """docker save's archive is what is read; docker's own store holds the image only while it is made."""
    archive = os.path.join(scratch, "tree.tar")
    saved = os.path.join(scratch, "saved.tar")
    ours = os.path.join(scratch, "loaded")
    tool("oci-export", "-L", layout, "tree:1", "-o", archive)
    peer(*DOCKER, "load", "-q", "-i", inside(archive))
    os.unlink(archive)
    peer(*DOCKER, "save", "-o", inside(saved), "tree:1")
    forget = lambda: peer(*DOCKER, "rmi", "-f", "tree:1", stderr=subprocess.DEVNULL)
    compare("import of `docker save`", {
        "oci-import": dict(command=["oci-import", "-L", ours, saved], clean=fresh(ours), sync=scratch),
        "oci-import --as-is": dict(command=["oci-import", "-L", ours, "--as-is", saved], clean=fresh(ours), sync=scratch),
        "docker load": dict(command=[*DOCKER, "load", "-q", "-i", inside(saved)], chroot=ROOT, clean=forget, sync=scratch),
    }, runs=1)
    forget()
    fresh(ours)()
    os.unlink(saved)


def unpacks(scratch, layout):
    ours, theirs, plain = (os.path.join(scratch, name) for name in ("ours", "theirs", "plain"))
    flat = os.path.join(scratch, "flat.tar")
    tool("oci-export", "-L", layout, "--format", "rootfs", "tree:1", "-o", flat)
    os.makedirs(plain)
    compare("unpack, as root", {
        "oci-unpack": dict(command=["oci-unpack", "-L", layout, "tree:1", ours], clean=aside(ours), sync=scratch),
        "umoci unpack": dict(command=["umoci", "unpack", "--image", f"{inside(layout)}:{NAME}", inside(theirs)],
                             chroot=ROOT, clean=aside(theirs), sync=scratch),
        "tar -x of the flat tar": dict(command=shell(f"mkdir -p {plain} && tar -C {plain} -xf {flat}"), clean=aside(plain),
                                       sync=scratch),
    }, runs=FEW)
    for name in os.listdir(scratch):
        if name.startswith(("ours", "theirs", "plain", "flat.tar")):
            fresh(os.path.join(scratch, name))()


def commits(scratch, layout):
    """A sixteenth of the tree gets other content."""
    trees = {name: os.path.join(scratch, name) for name in ("ours", "theirs")}
    tool("oci-unpack", "-L", layout, "tree:1", trees["ours"])
    peer("umoci", "unpack", "--image", f"{inside(layout)}:{NAME}", inside(trees["theirs"]), stderr=subprocess.DEVNULL)
    for tree in trees.values():
        change(os.path.join(tree, "rootfs"), 160 * 10**6)
    # what was changed is not to be written while one of the two is timed
    os.sync()
    compare("commit --from, 160 MB changed", {
        "oci-commit --from": dict(command=["oci-commit", "-L", layout, "--from", trees["ours"], "tree:1", "ours:1"],
                                  sync=scratch),
        "umoci repack": dict(command=["umoci", "repack", "--image", f"{inside(layout)}:theirs", inside(trees["theirs"])],
                             chroot=ROOT, sync=scratch),
    }, runs=1)
    for tree in trees.values():
        fresh(tree)()


def change(tree, size):
    for directory, names, files in os.walk(tree):
        names.sort()
        for name in sorted(files):
            path = os.path.join(directory, name)
            if size <= 0:
                return
            if os.path.islink(path) or os.path.getsize(path) < 10_000:
                continue
            with open(path, "r+b") as file:
                content = file.read()
                file.seek(0)
                file.write(bytes(byte ^ 1 for byte in content[:4096]) + content[4096:])
            size -= len(content)
