"""What is measured on: a registry, images of noise, an image of many files."""
import json, os, random, shutil, signal, socket, subprocess, time

from measure import BIN

ROOT = os.environ.get("OCIUTILS_PEERS_ROOT", "/var/tmp/ociutils-peers")
MB = 1 << 20


class Registry:
    """docker-registry of the peers' root on a free port."""

    def __init__(self, scratch):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        data = os.path.join(scratch, "registry")
        config = os.path.join(scratch, "registry.yml")
        with open(config, "w") as file:
            json.dump({"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}},
                       "storage": {"filesystem": {"rootdirectory": inside(data)}, "delete": {"enabled": True}},
                       "http": {"addr": f"127.0.0.1:{self.port}"}}, file)
        self.process = subprocess.Popen(["chroot", ROOT, "docker-registry", "serve", inside(config)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def inside(path):
    """A path below the peers' root as its programs see it."""
    return "/" + os.path.relpath(path, ROOT)


def tar_of(path, files):
    import io, tarfile
    with tarfile.open(path, "w") as archive:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def tool(*arguments, stdin=subprocess.DEVNULL, **options):
    return subprocess.run([os.path.join(BIN, arguments[0]), *arguments[1:]], check=True, stdin=stdin,
                          stdout=subprocess.PIPE, text=True, **options).stdout


def big_image(scratch, layers=5, size=200 * MB):
    """An image of that many layers of noise."""
    layout = os.path.join(scratch, "big")
    noise = random.Random(1)
    for number in range(layers):
        archive = os.path.join(scratch, "layer.tar")
        tar_of(archive, [(f"layer-{number}", noise.randbytes(size))])
        onto = ["--onto", "big:1"] if number else []
        tool("oci-import", "-L", layout, "--name", "big:1", *onto, archive)
        os.unlink(archive)
    return layout


def fresh(path):
    """Removes a file or a directory, if it is there."""
    def remove():
        if os.path.isfile(path):
            os.unlink(path)
        else:
            shutil.rmtree(path, ignore_errors=True)
    return remove


def aside(path):
    """Moves a directory away, for who makes it again at once: ext4 leaves inodes that were freed within the last minutes
    alone, so a tree that is made after one was removed costs it a search for each file."""
    def move():
        if os.path.exists(path):
            taken = sum(name.startswith(os.path.basename(path)) for name in os.listdir(os.path.dirname(path)))
            os.rename(path, f"{path}.{taken}")
    return move


def some_of_usr(entries=60_000):
    """That many files of this machine's /usr: length, type and path of each."""
    paths = subprocess.run(["find", "usr/lib", "usr/share", "-xdev", "-printf", "%s %y %p\\0"], cwd="/", check=True,
                           stdout=subprocess.PIPE).stdout.split(b"\0")[:-1]
    paths = sorted((path.split(b" ", 2) for path in paths), key=lambda path: path[2])
    step = max(1, len(paths) // entries)      # every so many of them, so that small and big are both there
    return [path for number, path in enumerate(paths) if number % step == 0 or path[1] == b"d"][:entries]


def tree_image(scratch, layers=5, size=3_000 * MB):
    """An image of files of this machine's /usr, cut into layers of about the same size."""
    layout = os.path.join(scratch, "tree")
    listing = os.path.join(scratch, "files")
    paths = some_of_usr()
    share = min(size, sum(int(length) for length, kind, _ in paths if kind == b"f")) // layers
    number, taken = 0, 0
    layer = []
    for length, kind, path in paths + [(b"0", None, None)]:
        if path is None or (taken > share and number < layers - 1):
            with open(listing, "wb") as file:
                file.write(b"\0".join(layer))
            onto = ["--onto", "tree:1"] if number else []
            with subprocess.Popen(["tar", "-C", "/", "--no-recursion", "--null", "-T", listing, "-cf", "-"],
                                  stdout=subprocess.PIPE) as tar:
                tool("oci-import", "-L", layout, "--format", "rootfs", "--name", "tree:1", *onto, "-", stdin=tar.stdout)
            layer, taken, number = [], 0, number + 1
        layer.append(path)
        taken += int(length) if kind == b"f" else 0
    os.unlink(listing)
    return layout
