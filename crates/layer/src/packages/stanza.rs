//! The form that the databases of dpkg and apk share: lines `KEY:VALUE`, a stanza a package, an empty line between two.
//! deb-control(5), apk's installed database.

use super::collected::Collected;
use super::{Package, PackageManager};
use std::io::{self, BufRead, Read};

/// What of a line is looked at, in bytes. The lines that matter are far shorter.
const MAX_LINE: usize = 1024;

/// What is known of the package that a stanza describes.
#[derive(Default)]
struct Stanza {
    name: String,
    version: String,
    architecture: String,
    removed: bool,
}

impl Stanza {
    fn take(&mut self, manager: PackageManager, line: &[u8]) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let value = || String::from_utf8_lossy(line[colon + 1..].trim_ascii()).into_owned();
        match (manager, &line[..colon]) {
            (PackageManager::Dpkg, b"Package") | (PackageManager::Apk, b"P") => self.name = value(),
            (PackageManager::Dpkg, b"Version") | (PackageManager::Apk, b"V") => self.version = value(),
            (PackageManager::Dpkg, b"Architecture") | (PackageManager::Apk, b"A") => {
                self.architecture = value();
            }
            // the third word: `install ok installed`, but `deinstall ok config-files`
            (PackageManager::Dpkg, b"Status") => {
                self.removed = value().split_ascii_whitespace().nth(2) != Some("installed");
            }
            _ => {}
        }
    }

    fn finish(self, manager: PackageManager) -> Option<Package> {
        let Stanza { name, version, architecture, removed } = self;
        let whole = !removed && !name.is_empty() && !version.is_empty();
        whole.then_some(Package { manager, name, architecture, version })
    }
}

pub(super) fn packages(manager: PackageManager, mut database: impl BufRead) -> io::Result<Vec<Package>> {
    let mut packages = Collected::default();
    let (mut stanza, mut line) = (Stanza::default(), Vec::new());
    loop {
        let more = read_line(&mut database, &mut line)?;
        if more && !line.is_empty() {
            stanza.take(manager, &line);
            continue;
        }
        if let Some(package) = std::mem::take(&mut stanza).finish(manager) {
            packages.push(package)?;
        }
        if !more {
            return Ok(packages.packages());
        }
    }
}

/// Reads a line without its end, cut where it is long; `false` at the end of the database.
fn read_line(database: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let count = database.by_ref().take(MAX_LINE as u64).read_until(b'\n', line)?;
    if line.ends_with(b"\n") {
        line.pop();
    } else if count == MAX_LINE {
        database.skip_until(b'\n')?;
    }
    Ok(count > 0)
}

#[cfg(test)]
mod tests {
    use super::super::collected::MAX_PACKAGES;
    use super::*;
    use proptest::prelude::*;
    use std::io::ErrorKind;

    fn read(manager: PackageManager, database: &str) -> Vec<String> {
        let text = |package: Package| {
            format!("{} {} {} {}", package.manager, package.name, package.version, package.architecture)
        };
        manager.installed(database.as_bytes()).unwrap().into_iter().map(text).collect()
    }

    #[test]
    fn dpkgs_database_names_what_is_installed_and_not_what_is_only_configured() {
        let database = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\n\
            Version: 2.36-9\nDescription: C library\n Package: no\n .\n more\n\n\n\
            Package: old\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n\
            Package: half\nStatus: install ok half-installed\nVersion: 1\n\n\
            Package: tzdata\nVersion: 2024a\nArchitecture: all\n";
        assert_eq!(
            read(PackageManager::Dpkg, database),
            ["dpkg libc6 2.36-9 amd64", "dpkg tzdata 2024a all"]
        );
    }

    #[test]
    fn apks_database_is_read_by_its_letters() {
        let database = "C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nS:1\nT:the C library\nF:lib\nR:libc.so\n\n\
            C:Q1x\nP:busybox\nV:1.36.1-r29\nA:x86_64\n\n";
        assert_eq!(
            read(PackageManager::Apk, database),
            ["apk musl 1.2.5-r0 x86_64", "apk busybox 1.36.1-r29 x86_64"]
        );
    }

    #[test]
    fn a_long_line_is_one_line() {
        let database = format!("P:a\nT:{}P:no\nV:1\n", "x".repeat(MAX_LINE - 2));
        assert_eq!(read(PackageManager::Apk, &database), ["apk a 1 "]);
        let exact = format!("P:a\nT:{}\nV:1\n", "x".repeat(MAX_LINE - 2));
        assert_eq!(read(PackageManager::Apk, &exact), ["apk a 1 "]);
    }

    #[test]
    fn a_database_of_too_many_packages_is_refused() {
        let many = |count: usize| "P:a\nV:1\n\n".repeat(count);
        let most = PackageManager::Apk.installed(many(MAX_PACKAGES).as_bytes()).unwrap();
        assert_eq!(most.len(), MAX_PACKAGES);
        let error = PackageManager::Apk.installed(many(MAX_PACKAGES + 1).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let long = format!("P:{0}\nV:{0}\nA:{0}\n\n", "x".repeat(1000));
        assert!(PackageManager::Apk.installed(long.repeat(3000).as_bytes()).is_err());
    }

    #[test]
    fn databases_are_known_by_the_end_of_their_names() {
        for (path, manager) in [
            (&b"./var/lib/dpkg/status"[..], Some(PackageManager::Dpkg)),
            (b"var/lib/dpkg/status.d/base", Some(PackageManager::Dpkg)),
            (b"var/lib/dpkg/status.d/base.md5sums", None),
            (b"var/lib/dpkg/status-old", None),
            (b"lib/apk/db/installed", Some(PackageManager::Apk)),
            (b"var/lib/rpm/rpmdb.sqlite", Some(PackageManager::Rpm)),
            (b"usr/lib/sysimage/rpm/Packages.db", Some(PackageManager::Rpm)),
            (b"var/lib/rpm/Packages", Some(PackageManager::Rpm)),
            (b"var/lib/rpm/rpmdb.sqlite-wal", None),
            (b"elsewhere/status", Some(PackageManager::Dpkg)),
            (b"status.txt", None),
            (b"", None),
        ] {
            assert_eq!(PackageManager::of_path(path), manager, "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_noise_harms_nothing(
            names in prop::collection::vec("[a-z][a-z0-9+.-]{0,12}", 0..8),
            noise in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let stanza = |name: &String| format!("Package: {name}\nVersion: 1:{name}\nArchitecture: all\n\n");
            let mut database: Vec<u8> = names.iter().map(stanza).collect::<String>().into();
            let found = PackageManager::Dpkg.installed(&database[..]).unwrap();
            prop_assert_eq!(found.iter().map(|package| package.name.clone()).collect::<Vec<_>>(), names.clone());
            database.extend(noise);
            let found = PackageManager::Dpkg.installed(&database[..]).unwrap();
            prop_assert!(found.len() >= names.len());
        }
    }
}
