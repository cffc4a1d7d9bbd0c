//! Who `USER` is: by the image's own `/etc/passwd` and `/etc/group`, as docker and runc look it up.

use image_format::{Class, Failure};
use layer::TreePath;
use std::path::Path;

/// Longer than that is no list of users.
const MAX_BYTES: u64 = 4 << 20;
/// As runc: what a signed number of 32 bits holds.
const MAX_ID: u32 = i32::MAX as u32;

/// The user that a container's process is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The number of the main group.
    pub gid: u32,
    /// The other groups, ascending.
    pub groups: Vec<u32>,
    /// The home directory, where the image knows one.
    pub home: Option<String>,
}

impl User {
    /// Finds `user`, `NAME|UID[:GROUP|GID]`, in the tree at `root`; an empty one is root.
    ///
    /// # Errors
    /// A name that the image does not know ([`Class::NotFound`]); a number that is none ([`Class::Integrity`]); the
    /// files cannot be read.
    pub fn find(root: &Path, user: &str) -> Result<User, Failure> {
        let read = |path: &str| {
            let content = layer::read_file(root, &TreePath::of(path.as_bytes()), MAX_BYTES);
            let content = content.map_err(|error| Failure::io(format_args!("/{path}"), error))?;
            Ok::<_, Failure>(String::from_utf8_lossy(&content.unwrap_or_default()).into_owned())
        };
        User::look_up(user, &read("etc/passwd")?, &read("etc/group")?)
    }

    fn look_up(text: &str, passwd: &str, group: &str) -> Result<User, Failure> {
        let (user, wanted) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
            None => (text, None),
        };
        let user = if user.is_empty() { "0" } else { user };
        let known = passwd.lines().filter_map(Account::parse).find(|account| account.is(user));
        let (name, mut found) = match known {
            Some(account) => (Some(account.name), account.user()),
            None => (None, User { uid: number(user, "user")?, ..User::default() }),
        };
        let groups = || group.lines().filter_map(Group::parse);
        match wanted {
            Some(wanted) => {
                let known = groups().find(|group| group.is(wanted)).map(|group| group.gid);
                found.gid = known.map_or_else(|| number(wanted, "group"), Ok)?;
            }
            None => {
                let mine = groups().filter(|group| name.is_some_and(|name| group.has(name)));
                found.groups = mine.map(|group| group.gid).filter(|gid| *gid != found.gid).collect();
                found.groups.sort_unstable();
                found.groups.dedup();
            }
        }
        Ok(found)
    }
}

/// A user or group that the image does not know must be a number.
fn number(text: &str, what: &str) -> Result<u32, Failure> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(Failure::new(
            Class::NotFound,
            format_args!("{what} {text:?}: the image has none of that name"),
        ));
    }
    text.parse().ok().filter(|id| *id <= MAX_ID).ok_or_else(|| {
        Failure::new(Class::Integrity, format_args!("{what} {text:?}: expected a number up to {MAX_ID}"))
    })
}

/// A line of passwd(5).
struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl<'a> Account<'a> {
    fn parse(line: &'a str) -> Option<Account<'a>> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields[..] else { return None };
        let valid = |id: &str| id.parse().ok().filter(|id| *id <= MAX_ID);
        Some(Account { name, uid: valid(uid)?, gid: valid(gid)?, home })
    }

    fn is(&self, user: &str) -> bool {
        self.name == user || user.parse() == Ok(self.uid)
    }

    fn user(&self) -> User {
        let home = Some(self.home).filter(|home| home.starts_with('/'));
        User { uid: self.uid, gid: self.gid, groups: Vec::new(), home: home.map(str::to_owned) }
    }
}

/// A line of group(5).
struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

impl<'a> Group<'a> {
    fn parse(line: &'a str) -> Option<Group<'a>> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members, ..] = fields[..] else { return None };
        Some(Group { name, gid: gid.parse().ok().filter(|gid| *gid <= MAX_ID)?, members })
    }

    fn is(&self, group: &str) -> bool {
        self.name == group || group.parse() == Ok(self.gid)
    }

    fn has(&self, user: &str) -> bool {
        self.members.split(',').any(|member| member == user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbroken\nwww:x:33:33:www:/var/www:/bin/false\nodd:x:-1:0::/:/x\n7:x:1000:5::home:\n";
    const GROUP: &str = "root:x:0:\nadm:x:4:www,syslog\nwww:x:33:\nssl:x:101:www\nssl2:x:101:www\n";

    fn found(text: &str) -> (u32, u32, Vec<u32>, Option<String>) {
        let User { uid, gid, groups, home } = User::look_up(text, PASSWD, GROUP).unwrap();
        (uid, gid, groups, home)
    }

    #[test]
    fn users_are_found_as_docker_finds_them() {
        let root = Some("/root".to_owned());
        let www = Some("/var/www".to_owned());
        assert_eq!(found(""), (0, 0, vec![], root.clone()));
        assert_eq!(found("www"), (33, 33, vec![4, 101], www.clone()));
        assert_eq!(found("33"), (33, 33, vec![4, 101], www.clone()));
        assert_eq!(found("www:adm"), (33, 4, vec![], www.clone()));
        assert_eq!(found("www:9"), (33, 9, vec![], www));
        assert_eq!(found("1234"), (1234, 0, vec![], None));
        assert_eq!(found(":adm"), (0, 4, vec![], root));
        assert_eq!(found("7"), (1000, 5, vec![], None));
    }

    #[test]
    fn who_the_image_does_not_know_is_an_error_unless_it_is_a_number_that_fits() {
        for (text, class) in [
            ("nobody", Class::NotFound),
            ("www:nogroup", Class::NotFound),
            ("../../etc/passwd", Class::NotFound),
            ("-1", Class::NotFound),
            ("4294967295", Class::Integrity),
            ("0:99999999999999999999", Class::Integrity),
        ] {
            assert_eq!(User::look_up(text, PASSWD, GROUP).unwrap_err().class(), class, "{text}");
        }
    }
}
