"""What a command costs, and how contenders compare."""
import ctypes, json, os, shutil, sys, time
import resource  # os.wait4 loads it by itself, but cannot from within another root

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../../target"))
BIN = os.environ.get("OCIUTILS_BIN", os.path.join(TARGET, "release"))
RUNS = 5


class Run:
    """What one command cost: wall and CPU seconds, peak memory in MiB.

    A child of ours goes into the root and starts the command there without copying itself (posix_spawn), so that the
    clock holds the command and nothing of this program; `true` shows what is left. Memory below 30 MiB, which is
    what this program takes itself, cannot be told apart.
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
