use super::*;
use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::symlink;

/// Where the descriptor leads, relative to `root`; with a `!` where that is outside.
fn place(root: &Path, directory: &Directory) -> String {
    let at = fs::read_link(format!("/proc/self/fd/{}", directory.fd.as_raw_fd())).unwrap();
    let root = root.canonicalize().unwrap();
    at.strip_prefix(&root).map_or_else(|_| format!("!{}", at.display()), |path| path.display().to_string())
}

fn lead(root: &Root, path: &Path, name: &str, make: bool) -> Result<String, Errno> {
    let mut made = |_: &TreePath| {};
    let missing = if make { Missing::Make(&mut made) } else { Missing::Fail };
    let directory = root.directory(&TreePath::of(name.as_bytes()), missing)?;
    let place = place(path, &directory);
    // the name that comes back leads there without symlinks
    let again = root.open_plain(&directory.path, OFlags::PATH)?;
    let again = Directory { fd: again, path: directory.path };
    assert_eq!(place, self::place(path, &again));
    assert_eq!(TreePath::of(place.as_bytes()), again.path);
    Ok(place)
}

#[test]
fn symlinks_lead_to_where_they_would_if_the_root_were_the_systems() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("root");
    fs::create_dir_all(path.join("usr/lib/deep")).unwrap();
    fs::create_dir_all(outer.path().join("outside")).unwrap();
    fs::write(path.join("file"), "").unwrap();
    for (name, target) in [
        ("lib", "/usr/lib"),
        ("usr/up", "../../../../usr/lib"),
        ("out", "../outside"),
        ("abs", "/outside"),
        ("chain", "lib/../lib/deep"),
        ("loop", "loop"),
        ("dot", "usr/./lib//"),
        ("magic", "/proc/self/root"),
    ] {
        symlink(target, path.join(name)).unwrap();
    }
    for root in [Root::open(&path).unwrap(), Root::open(&path).unwrap().without_openat2()] {
        for (name, expected) in [
            ("", Ok("")),
            ("usr/lib", Ok("usr/lib")),
            ("lib/deep", Ok("usr/lib/deep")),
            ("usr/up", Ok("usr/lib")),
            ("chain", Ok("usr/lib/deep")),
            ("dot", Ok("usr/lib")),
            ("out", Err(Errno::NOENT)),
            ("abs", Err(Errno::NOENT)),
            ("magic", Err(Errno::NOENT)),
            ("loop/x", Err(Errno::LOOP)),
            ("file", Err(Errno::NOTDIR)),
            ("file/x", Err(Errno::NOTDIR)),
            ("missing/x", Err(Errno::NOENT)),
        ] {
            assert_eq!(lead(&root, &path, name, false), expected.map(str::to_owned), "{name}");
        }
    }
}

#[test]
fn what_is_missing_is_made_beneath_the_root_wherever_links_point() {
    for with_openat2 in [true, false] {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("root");
        fs::create_dir(&path).unwrap();
        symlink("../../elsewhere", path.join("out")).unwrap();
        symlink("/made/dir", path.join("abs")).unwrap();
        let root = Root::open(&path).unwrap();
        let root = if with_openat2 { root } else { root.without_openat2() };
        assert_eq!(lead(&root, &path, "out/a/b", true).unwrap(), "elsewhere/a/b");
        assert_eq!(lead(&root, &path, "abs/c", true).unwrap(), "made/dir/c");
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_name_longer_than_the_kernel_takes_is_walked() {
    let dir = tempfile::tempdir().unwrap();
    let name = vec!["d".repeat(99); 60].join("/");
    let root = Root::open(dir.path()).unwrap();
    let mut count = 0;
    let made = root.directory(&TreePath::of(name.as_bytes()), Missing::Make(&mut |_| count += 1)).unwrap();
    assert_eq!((count, made.path.as_bytes().len()), (60, name.len()));
    assert!(root.directory(&made.path, Missing::Fail).is_ok());
    crate::clear_directory(dir.path()).unwrap();
}

#[test]
fn whoever_swaps_directories_for_links_meanwhile_leads_nobody_out() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("root");
    fs::create_dir_all(path.join("a/b")).unwrap();
    fs::create_dir_all(outer.path().join("b")).unwrap();
    symlink("../..", path.join("link")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let fd = fs::File::open(&path).unwrap();
            let exchange = rustix::fs::RenameFlags::EXCHANGE;
            while !stop.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(&fd, "a", &fd, "link", exchange).unwrap();
            }
        });
        for root in [Root::open(&path).unwrap(), Root::open(&path).unwrap().without_openat2()] {
            for _ in 0..400 {
                if let Ok(directory) = root.directory(&TreePath::of(b"a/b"), Missing::Fail) {
                    let place = place(&path, &directory);
                    assert!(!place.starts_with('!'), "{place}");
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}
