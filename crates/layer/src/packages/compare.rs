//! Which packages two trees have not in common.

use super::{Package, PackageManager};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A package that is not the same in two trees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageDifference {
    /// Whose it is.
    pub manager: PackageManager,
    /// What it is called.
    pub name: String,
    /// Is the name installed for several architectures in one of the trees, so that it alone says too little?
    #[serde(skip)]
    of_several: bool,
    /// What the first tree has; `None` where it lacks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<PackageState>,
    /// What the second tree has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<PackageState>,
}

/// Which package of a name it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PackageState {
    /// For which processors it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    /// Its version.
    pub version: String,
}

impl PackageDifference {
    /// What tells it from all others of its manager: its name, and where that is not enough its architecture, as dpkg
    /// writes it (`libc6:i386`).
    pub fn full_name(&self) -> String {
        match self.after.as_ref().or(self.before.as_ref()) {
            Some(state) if self.of_several => format!("{}:{}", self.name, state.architecture),
            _ => self.name.clone(),
        }
    }

    /// What is not the same in `before` and `after`, by manager and name.
    ///
    /// One name may be installed for several architectures, or in several versions: those of the same architecture are
    /// paired, and of what is left one with one.
    pub fn between(before: &[Package], after: &[Package]) -> Vec<PackageDifference> {
        let (mut old, mut new) = (by_name(before), by_name(after));
        let names: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
        let mut differences = Vec::new();
        for (manager, name) in names {
            let [old, new] = [&mut old, &mut new].map(|all| all.remove(&(manager, name)).unwrap_or_default());
            let of_several = [&old, &new].into_iter().any(has_several);
            let [mut gone, mut come] = [(&old, &new), (&new, &old)].map(|(one, other)| minus(one, other));
            let mut pairs = Vec::new();
            for state in std::mem::take(&mut gone) {
                match come.iter().position(|other| other.architecture == state.architecture) {
                    Some(at) => pairs.push((Some(state), Some(come.remove(at)))),
                    None => gone.push(state),
                }
            }
            if let ([_], [_]) = (&gone[..], &come[..]) {
                pairs.push((gone.pop(), come.pop()));
            }
            pairs.extend(gone.into_iter().map(|state| (Some(state), None)));
            pairs.extend(come.into_iter().map(|state| (None, Some(state))));
            let difference = |(before, after)| PackageDifference {
                manager,
                name: name.to_owned(),
                of_several,
                before,
                after,
            };
            differences.extend(pairs.into_iter().map(difference));
        }
        differences
    }
}

type ByName<'a> = BTreeMap<(PackageManager, &'a str), BTreeSet<PackageState>>;

fn by_name(packages: &[Package]) -> ByName<'_> {
    let mut all = ByName::new();
    for package in packages {
        let state =
            PackageState { architecture: package.architecture.clone(), version: package.version.clone() };
        all.entry((package.manager, &package.name)).or_default().insert(state);
    }
    all
}

fn has_several(states: &BTreeSet<PackageState>) -> bool {
    let mut architectures = states.iter().map(|state| &state.architecture);
    let first = architectures.next();
    architectures.any(|architecture| Some(architecture) != first)
}

fn minus(one: &BTreeSet<PackageState>, other: &BTreeSet<PackageState>) -> Vec<PackageState> {
    one.difference(other).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(all: &[(&str, &str, &str)]) -> Vec<Package> {
        let package = |(name, architecture, version): &(&str, &str, &str)| Package {
            manager: PackageManager::Dpkg,
            name: (*name).to_owned(),
            architecture: (*architecture).to_owned(),
            version: (*version).to_owned(),
        };
        all.iter().map(package).collect()
    }

    fn differences(before: &[(&str, &str, &str)], after: &[(&str, &str, &str)]) -> Vec<String> {
        let state = |state: Option<PackageState>| {
            state.map_or("-".to_owned(), |state| format!("{}/{}", state.version, state.architecture))
        };
        let text = |found: PackageDifference| {
            format!("{} {} {}", found.name, state(found.before), state(found.after))
        };
        PackageDifference::between(&packages(before), &packages(after)).into_iter().map(text).collect()
    }

    #[test]
    fn packages_are_paired_by_name_and_architecture() {
        let before = [("same", "all", "1"), ("up", "all", "1"), ("gone", "all", "1"), ("moved", "all", "1")];
        let after = [("new", "all", "1"), ("moved", "amd64", "1"), ("up", "all", "2"), ("same", "all", "1")];
        assert_eq!(
            differences(&before, &after),
            ["gone 1/all -", "moved 1/all 1/amd64", "new - 1/all", "up 1/all 2/all"]
        );
    }

    #[test]
    fn a_name_of_two_architectures_is_two_packages() {
        let both = [("libc6", "amd64", "1"), ("libc6", "i386", "1")];
        assert_eq!(
            differences(&both, &[("libc6", "amd64", "2")]),
            ["libc6 1/amd64 2/amd64", "libc6 1/i386 -"]
        );
        assert_eq!(differences(&both, &[("libc6", "i386", "1")]), ["libc6 1/amd64 -"]);
        assert_eq!(differences(&[], &both), ["libc6 - 1/amd64", "libc6 - 1/i386"]);
        assert!(differences(&both, &both).is_empty());
    }
}
