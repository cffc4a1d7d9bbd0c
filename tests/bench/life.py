"""The life of an image: import, push, pull, history, names, and the memory they take."""
import json, os, shutil, subprocess

from fixtures import ROOT, fresh, inside, tar_of, tool
from measure import Run, compare


def pulls(scratch, registry, reference):
    ours, skopeo, crane = (os.path.join(scratch, name) for name in ("ours", "skopeo", "crane"))
    name = f"127.0.0.1:{registry.port}/{reference}"
    for synced in (False, True):
        sync = scratch if synced else None
        unsynced = {} if synced else {"OCI_FSYNC": "0"}
        title = "with a final sync -f" if synced else "without any sync"
        compare(f"pull, 1 GB in 5 layers, from docker-registry, {title}", {
            "oci-pull": dict(command=["oci-pull", "-L", ours, name], clean=fresh(ours), sync=sync, env=unsynced),
            "crane pull --format=oci": dict(command=["crane", "pull", "--format=oci", name, inside(crane)], chroot=ROOT,
                                            clean=fresh(crane), sync=sync),
            "skopeo copy": dict(command=["skopeo", "copy", "--src-tls-verify=false", f"docker://{name}",
                                         f"oci:{inside(skopeo)}:x"], chroot=ROOT, clean=fresh(skopeo), sync=sync),
        })
    for directory in (ours, skopeo, crane):
        shutil.rmtree(directory, ignore_errors=True)


def pushes(scratch, layout, registry):
    count = iter(range(1000))
    name = lambda: f"127.0.0.1:{registry.port}/push-{next(count)}:1"
    best = {}
    print("\npush, 1 GB in 5 layers, to docker-registry, each time to an empty repository")
    data = os.path.join(scratch, "registry")
    clean = lambda: shutil.rmtree(os.path.join(data, "docker"), ignore_errors=True)
    compare("", {
        "oci-push": dict(command=["oci-push", "-L", layout, "big:1", "--to", name()], clean=clean),
        "crane push": dict(command=["crane", "push", "--index", inside(layout), name()], chroot=ROOT, clean=clean),
        "skopeo copy": dict(command=["skopeo", "copy", "--dest-tls-verify=false",
                                     f"oci:{inside(layout)}:docker.io/library/big:1", f"docker://{name()}"], chroot=ROOT,
                            clean=clean),
    })


def imports(scratch):
    archive = os.path.join(scratch, "usr.tar")
    subprocess.run(["tar", "-C", ROOT, "-cf", archive, "usr/lib", "usr/share"], check=True)
    ours = os.path.join(scratch, "imported")
    gzipped = os.path.join(scratch, "usr.tar.gz")
    size = os.path.getsize(archive) / 1e6
    compare(f"import of a root filesystem of {size:.0f} MB, compressing", {
        "oci-import": dict(command=["oci-import", "-L", ours, "--name", "x", archive], clean=fresh(ours)),
        "gzip -6": dict(command=["sh", "-c", f"gzip -6 <{archive} >{gzipped}"]),
    }, runs=1)
    layer_size(ours, gzipped)
    os.unlink(archive)
    os.unlink(gzipped)


def layer_size(layout, gzipped):
    """Our layers may be at most 3 % larger than what `gzip -6` makes of the same tar."""
    layer = max(os.path.getsize(os.path.join(layout, "blobs/sha256", name))
                for name in os.listdir(os.path.join(layout, "blobs/sha256")))
    ratio = layer / os.path.getsize(gzipped)
    print(f"  size of the layer: ours/gzip -6 {ratio:.4f}, limit 1.03")
    if ratio > 1.03:
        raise SystemExit(f"the layer is {100 * (ratio - 1):.1f} % larger than gzip -6 makes it; 3 % is the limit")


def histories(scratch):
    layout = os.path.join(scratch, "small")
    archive = os.path.join(scratch, "small.tar")
    tar_of(archive, [("etc/motd", b"hello")])
    tool("oci-import", "-L", layout, "--name", "base:1", archive)
    compare("history, start to end", {
        "oci-history": dict(command=["oci-history", "-L", layout, "base:1"]),
        "umoci stat": dict(command=["umoci", "stat", "--image", f"{inside(layout)}:docker.io/library/base:1"], chroot=ROOT),
        "true": dict(command=["true"]),
    }, runs=50)


def names(scratch):
    layout = os.path.join(scratch, "names")
    archive = os.path.join(scratch, "small.tar")
    tar_of(archive, [("etc/motd", b"hello")])
    pinned = tool("oci-import", "-L", layout, "--name", "base:1", archive).strip()
    with open(os.path.join(layout, "index.json")) as file:
        index = json.load(file)
    row = json.dumps(index["manifests"][0])
    rows = [json.loads(row.replace("library/base:1", f"library/app-{number}:1")) for number in range(10_000)]
    index["manifests"] += rows
    with open(os.path.join(layout, "index.json"), "w") as file:
        json.dump(index, file)
    lines = os.path.join(scratch, "lines")
    with open(lines, "w") as file:
        file.writelines(pinned.replace("library/base:1", f"library/app-{number}:1") + "\n" for number in range(10_000))
    compare("10,000 names", {
        "oci-history": dict(command=["oci-history", "-L", layout, "app-5000:1"]),
        "oci-tag, one": dict(command=["oci-tag", "-L", layout, "app-5000:1", "new:1"]),
        "umoci ls": dict(command=["umoci", "ls", "--layout", inside(layout)], chroot=ROOT),
    }, runs=10)
    compare("10,000 names", {"oci-tag - of 10,000 lines": dict(
        command=["oci-tag", "-L", layout, "-", "registry.example/mirror/"], stdin=lines)}, runs=3)


def memory(scratch, layout, registry):
    print("\npeak memory, MiB")
    archive = os.path.join(scratch, "usr.tar")
    subprocess.run(["tar", "-C", ROOT, "-cf", archive, "usr/lib"], check=True)
    into = os.path.join(scratch, "memory")
    for threads in ("2", "16"):
        name = f"127.0.0.1:{registry.port}/memory-{threads}:1"
        rows = {
            "push": dict(command=["oci-push", "-L", layout, "-j", threads, "big:1", "--to", name]),
            "pull": dict(command=["oci-pull", "-L", into, "-j", threads, name], clean=fresh(into)),
            "import": dict(command=["oci-import", "-L", into, "-j", threads, "--name", "x", archive], clean=fresh(into)),
        }
        for row, arguments in rows.items():
            print(f"  {row:8} with {threads:>2} threads: {Run(**arguments).memory:.1f}")
    os.unlink(archive)
