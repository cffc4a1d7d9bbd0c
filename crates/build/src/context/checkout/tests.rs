use super::*;
use crate::copy::Files as _;
use image_format::Silent;
use std::fs::{create_dir, read_to_string, write};
use std::io::Cursor;
use std::os::unix::fs::symlink;
use test_support::{TarBuilder, gzip};

#[test]
fn a_tar_on_a_pipe_is_a_context_that_goes_when_the_build_is_over() {
    let tar = TarBuilder::new().file("a", "1").owner(7, 8).file("d/b", "2").symlink("l", "/etc/passwd");
    let tar = tar.file("l/x", "not in /etc").hard_link("h", "a").dir("d").mode(0o700);
    for bytes in [tar.bytes(), gzip(tar.bytes())] {
        let checkout = Checkout::of_tar(Cursor::new(bytes), &Silent).unwrap();
        let names: Vec<Vec<u8>> = checkout
            .context()
            .children(&TreePath::root())
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert!(names.starts_with(&[b"a".to_vec(), b"d".to_vec()]), "{names:?}");
        let node = checkout.context().node(&TreePath::of(b"a")).unwrap().unwrap();
        assert_eq!((node.metadata.uid, node.metadata.gid, node.metadata.mode), (0, 0, 0o644));
        assert!(node.metadata.xattrs.is_empty(), "{:?}", node.metadata.xattrs);
        let directory = checkout.directory().to_owned();
        assert_eq!(read_to_string(directory.join("d/b")).unwrap(), "2");
        drop(checkout);
        assert!(!directory.exists());
    }
    for broken in [&tar.bytes()[..700], b"FROM scratch\n"] {
        let failure = Checkout::of_tar(Cursor::new(broken.to_vec()), &Silent).unwrap_err();
        assert_eq!(failure.class(), Class::Integrity, "{failure}");
    }
}

/// A repository with two commits, and the first one's name.
fn repository(directory: &Path) -> String {
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        let mut git = Command::new("git");
        git.args(identity).args(arguments).current_dir(directory).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = git.output().unwrap();
        assert!(output.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    create_dir(directory.join("sub")).unwrap();
    write(directory.join("sub/f"), "first").unwrap();
    symlink("/etc/passwd", directory.join("sub/link")).unwrap();
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["tag", "v1"]);
    let first = git(&["rev-parse", "HEAD"]);
    write(directory.join("sub/f"), "second").unwrap();
    git(&["commit", "--quiet", "-am", "two"]);
    first
}

fn source(directory: &Path, reference: &str) -> GitSource {
    let remote = format!("file://{}", directory.display());
    GitSource { remote, reference: reference.into(), ..GitSource::default() }
}

#[test]
fn a_commit_is_found_by_branch_tag_and_name_and_comes_without_its_repository() {
    let directory = tempfile::tempdir().unwrap();
    let first = repository(directory.path());
    for (reference, content) in
        [("", "second"), ("main", "second"), ("v1", "first"), (&*first, "first"), (&first[..9], "first")]
    {
        let checkout = Checkout::by("file", &source(directory.path(), reference), &Silent).unwrap();
        assert_eq!(read_to_string(checkout.directory().join("sub/f")).unwrap(), content, "{reference}");
        assert_eq!(checkout.commit() == Some(&first), content == "first");
        assert!(!checkout.directory().join(".git").exists());
        let kept = GitSource { keep_git_dir: Some(true), ..source(directory.path(), reference) };
        let kept = Checkout::by("file", &kept, &Silent).unwrap();
        assert!(kept.directory().join(".git").exists());
    }
}

#[test]
fn a_directory_of_a_commit_is_a_context_and_lies_in_it_whatever_links_say() {
    let directory = tempfile::tempdir().unwrap();
    repository(directory.path());
    let below = |path: &str| {
        let source = GitSource { directory: path.into(), ..source(directory.path(), "") };
        Checkout::by("file", &source, &Silent)
    };
    let checkout = below("sub").unwrap();
    assert_eq!(read_to_string(checkout.directory().join("f")).unwrap(), "second");
    let context = checkout.context();
    assert_eq!(context.children(&TreePath::root()).unwrap().len(), 2);
    for path in ["nowhere", "sub/f", "sub/link"] {
        assert_eq!(below(path).unwrap_err().class(), Class::NotFound, "{path}");
    }
}

#[test]
fn another_commit_than_the_checksum_says_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = repository(directory.path());
    let with = |checksum: &str, reference: &str| {
        let source = source(directory.path(), reference);
        Checkout::by("file", &GitSource { checksum: Some(checksum.into()), ..source }, &Silent)
    };
    assert!(with(&first[..12], "v1").is_ok());
    assert_eq!(with(&first, "main").unwrap_err().class(), Class::Integrity);
}

#[test]
fn nothing_of_a_source_is_an_option_of_git_or_leads_to_a_program() {
    let directory = tempfile::tempdir().unwrap();
    repository(directory.path());
    let made = directory.path().join("made");
    let touch = format!("touch {}", made.display());
    for (remote, reference) in [
        (format!("--upload-pack={touch}"), String::new()),
        (format!("file://{}", directory.path().display()), format!("--upload-pack={touch}")),
        (format!("ext::sh -c \"{touch}\""), String::new()),
        (format!("file://{}", directory.path().display()), String::new()),
    ] {
        let source = GitSource { remote, reference, ..GitSource::default() };
        let failure = Checkout::of_git(&source, &Silent).unwrap_err();
        assert!(matches!(failure.class(), Class::Usage | Class::NotFound), "{failure}");
        assert!(!made.exists());
    }
}
