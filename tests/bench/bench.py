#!/usr/bin/env python3
"""Measures our tools against the peers in one run, and prints ratios: the machine's own speed cancels out.

    tests/bench/bench.py [ROW…]        rows: pull push import history names memory (all of them)

Needs root, the peers' root (tests/peers/root up) and a release build, or OCIUTILS_BIN=DIR. Each command runs five
times, alternating with its peers; the best run counts. Everything listens on 127.0.0.1 and is stopped by its id.
"""
import ctypes, json, os, random, shutil, signal, socket, subprocess, sys, tempfile, time
import resource  # os.wait4 loads it by itself, but cannot from within another root

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("OCIUTILS_PEERS_ROOT", "/var/tmp/ociutils-peers")
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../../target"))
BIN = os.environ.get("OCIUTILS_BIN", os.path.join(TARGET, "release"))
MB = 1 << 20
RUNS = 5


class Run:
    """What one command cost: wall and CPU seconds, peak memory in MiB.

    A child of ours goes into the root and starts the command there without copying itself (posix_spawn), so that the
    clock holds the command and nothing of this program; `true` shows what is left.
    """

    def __init__(self, command, chroot=None, env=None, stdin=None, clean=lambda: None, sync=None):
        clean()
        environment = {"PATH": f"{BIN}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", **(env or {})}
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writer, json.dumps(self.measure(command, environment, chroot, stdin, sync)).encode())
            except OSError as error:
                os.write(writer, json.dumps([0, 0, 0, f"{command[0]}: {error}"]).encode())
            os._exit(0)
        os.close(writer)
        with open(reader) as results:
            self.wall, self.cpu, self.memory, failure = json.load(results)
        os.waitpid(pid, 0)
        if failure:
            sys.exit(f"failed with {failure}: {' '.join(command)}")

    @staticmethod
    def measure(command, environment, chroot, stdin, sync):
        disk = os.open(sync, os.O_RDONLY) if sync else None
        libc = ctypes.CDLL(None, use_errno=True)
        source = os.open(stdin or os.devnull, os.O_RDONLY)
        sink = os.open(os.devnull, os.O_WRONLY)
        files = [(os.POSIX_SPAWN_DUP2, source, 0), (os.POSIX_SPAWN_DUP2, sink, 1)]
        if not os.environ.get("BENCH_VERBOSE"):
            files.append((os.POSIX_SPAWN_DUP2, sink, 2))
        if chroot:
            os.chroot(chroot)
        os.chdir("/")
        os.environ["PATH"] = environment["PATH"]
        program = shutil.which(command[0]) or command[0]
        started = time.monotonic()
        pid = os.posix_spawn(program, command, environment, file_actions=files)
        _, status, usage = os.wait4(pid, 0)
        if disk is not None and libc.syncfs(disk) != 0:
            raise OSError(ctypes.get_errno(), "syncfs")
        wall = time.monotonic() - started
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def compare(title, contenders, runs=RUNS):
    """contenders: name → arguments of Run; the first is ours."""
    best = {}
    for _ in range(runs):
        for name, arguments in contenders.items():
            run = Run(**arguments)
            old = best.setdefault(name, run)
            if run.wall < old.wall:
                best[name] = run
            best[name].cpu = min(run.cpu, old.cpu)
    ours_name, ours = next(iter(best.items()))
    print(f"\n{title}")
    for name, run in best.items():
        ratio = "" if run is ours else f"   ours/theirs: wall {ours.wall / run.wall:.2f}, cpu {ours.cpu / run.cpu:.2f}"
        print(f"  {name:28} wall {run.wall * 1000:9.1f} ms  cpu {run.cpu * 1000:9.1f} ms  peak {run.memory:6.1f} MiB{ratio}")
    sys.stdout.flush()
    return best


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


def tool(*arguments, **options):
    return subprocess.run([os.path.join(BIN, arguments[0]), *arguments[1:]], check=True, stdin=subprocess.DEVNULL,
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
    return lambda: shutil.rmtree(path, ignore_errors=True)


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
    os.unlink(archive)
    os.unlink(gzipped)


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


def main():
    wanted = sys.argv[1:] or ["history", "names", "import", "push", "pull", "memory"]
    if not os.path.exists(os.path.join(ROOT, "usr/bin/skopeo")):
        sys.exit("skipped: needs the peers' root; make it with tests/peers/root up")
    os.makedirs(os.path.join(ROOT, "work"), exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="bench-", dir=os.path.join(ROOT, "work"))
    registry = None
    try:
        if "history" in wanted:
            histories(scratch)
        if "names" in wanted:
            names(scratch)
        if "import" in wanted:
            imports(scratch)
        if {"pull", "push", "memory"} & set(wanted):
            registry = Registry(scratch)
            layout = big_image(scratch)
            if "push" in wanted:
                pushes(scratch, layout, registry)
            if "pull" in wanted:
                tool("oci-push", "-L", layout, "big:1", "--to", f"127.0.0.1:{registry.port}/big:1")
                pulls(scratch, registry, "big:1")
            if "memory" in wanted:
                memory(scratch, layout, registry)
    finally:
        if registry:
            registry.stop()
        shutil.rmtree(scratch, ignore_errors=True)


main()
