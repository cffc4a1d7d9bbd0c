"""A Dockerfile into a layout: cold, with nothing changed, with one file changed."""
import json, os, subprocess, sys

from fixtures import MB, ROOT, fresh, inside, some_of_usr, tool
from measure import compare
from trees import DOCKER, peer, shell

DEBIAN = f"{ROOT}.debian.tar"
BASE = "docker.io/library/debian:base"
PARTS = ("one", "two", "three", "four")
LARGER = 1.03   # than buildah's layers, at most


def context(scratch):
    """Files of this machine's /usr in four directories of about the same size."""
    directory = os.path.join(scratch, "context")
    paths = some_of_usr()
    share = sum(int(length) for length, kind, _ in paths if kind == b"f") // len(PARTS)
    taken, parts = 0, {name: [] for name in PARTS}
    for length, kind, path in paths:
        parts[PARTS[min(taken // share, len(PARTS) - 1)]].append(path)
        taken += int(length) if kind == b"f" else 0
    for name, files in parts.items():
        target = os.path.join(directory, name)
        os.makedirs(target)
        with subprocess.Popen(["tar", "-C", "/", "--no-recursion", "--null", "-T", "-", "-cf", "-"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as read:
            with subprocess.Popen(["tar", "-C", target, "-xf", "-"], stdin=read.stdout) as write:
                read.stdin.write(b"\0".join(files))
                read.stdin.close()
            if write.returncode:
                sys.exit("the context could not be made")
    with open(os.path.join(directory, "Dockerfile"), "w") as file:
        file.writelines([f"FROM {BASE}\n"] + [f"COPY {name} /{name}\n" for name in PARTS])
    with open(os.path.join(directory, "Dockerfile.one-layer"), "w") as file:
        file.write(f"FROM {BASE}\nCOPY one two /all/\n")
    return directory


class Buildah:
    def __init__(self, scratch, base):
        self.store = os.path.join(scratch, "buildah")
        self.out = os.path.join(scratch, "buildah-layout")
        words = ["buildah", "--root", inside(self.store), "--runroot", inside(f"{self.store}-run"), "--storage-driver", "overlay"]
        self.words = words
        image = subprocess.run(["chroot", ROOT, *words, "pull", "-q", f"oci:{inside(base)}:{BASE}"], check=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout.split()[-1]
        peer(*words, "tag", image, BASE)

    def build(self, directory, *options):
        buildah = " ".join(self.words)
        options = " ".join(options)
        return dict(command=shell(f"{buildah} bud -q --pull-never {options} -t app {inside(directory)}"
                                  f" && {buildah} push -q app oci:{inside(self.out)}:app"), chroot=ROOT)

    def layers(self):
        """Bytes of the layers that were built, the base's left out."""
        with open(os.path.join(self.out, "index.json")) as file:
            digest = json.load(file)["manifests"][-1]["digest"]
        with open(os.path.join(self.out, "blobs", *digest.split(":"))) as file:
            return sum(layer["size"] for layer in json.load(file)["layers"][1:])


def builds(scratch, registry):
    directory = context(scratch)
    os.sync()
    layout, cache = os.path.join(scratch, "built"), os.path.join(scratch, "cache")
    base = os.path.join(scratch, "base")
    tool("oci-import", "-L", base, "--format", "rootfs", "--name", BASE, DEBIAN)
    buildah = Buildah(scratch, base)
    peer(*DOCKER, "import", inside_copy(scratch), BASE)
    pushed = f"127.0.0.1:{registry.port}/app:1"
    docker = " ".join(DOCKER)
    env = {"XDG_CACHE_HOME": cache}

    def ours(*options):
        return ["oci-build", "-L", layout, "-t", "app", *options]

    def again():
        fresh(layout)(), fresh(cache)()
        tool("oci-copy", f"oci:{base}:{BASE}", f"oci:{layout}")

    compare("build, cold, to a compressed layout", {
        "oci-build": dict(command=ours(directory), env=env, clean=again, sync=scratch),
        "oci-build, zstd": dict(command=ours("--compression", "zstd", directory), env=env, clean=again, sync=scratch),
        "buildah bud and push": dict(**buildah.build(directory, "--no-cache"), clean=fresh(buildah.out), sync=scratch),
        "docker build and push": dict(command=shell(f"{docker} build -q --no-cache -t {pushed} {inside(directory)}"
                                                    f" && {docker} push -q {pushed}"), chroot=ROOT, sync=scratch),
    }, runs=1)
    again()
    tool(*ours(directory), env={**os.environ, **env})
    size(layout, buildah)
    compare("build, nothing changed", {"oci-build": dict(command=ours(directory), env=env, sync=scratch)})
    one_changed(scratch, directory, ours, env, buildah)
    peer(*DOCKER, "rmi", "-f", pushed, BASE)


def one_changed(scratch, directory, ours, env, buildah):
    """A small file of a layer of about 1 GB."""
    options = ["-f", os.path.join(directory, "Dockerfile.one-layer"), directory]
    tool(*ours(*options), env={**os.environ, **env})
    theirs = buildah.build(directory, "--layers", "-f", inside(options[1]))
    subprocess.run(["chroot", ROOT, *theirs["command"]], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    victim = os.path.join(directory, "one", "changed")

    def change():
        with open(victim, "a") as file:
            file.write("more\n")
        os.sync()

    compare("build, one small file changed in a layer of 1 GB", {
        "oci-build": dict(command=ours(*options), env=env, clean=change, sync=scratch),
        "buildah bud and push": dict(**theirs, clean=change, sync=scratch),
    }, runs=2)


def inside_copy(scratch):
    """Debian's tar where the peers see it."""
    copy = os.path.join(scratch, "debian.tar")
    subprocess.run(["cp", "--reflink=auto", DEBIAN, copy], check=True)
    return inside(copy)


def size(layout, buildah):
    objects = tool("oci-inspect", f"oci:{layout}:app")
    ours = sum(layer["size"] for layer in json.loads(objects)["manifest"]["layers"][1:])
    ratio = ours / buildah.layers()
    print(f"  layers: {ours / MB:.0f} MiB, ours/buildah's: {ratio:.3f}")
    if ratio > LARGER:
        sys.exit(f"the layers are more than {LARGER} × buildah's")
