//! The ordinary user that runs Postgres when we are root.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, User, chown};
use tokio::process::Command;

use super::error::DevError;

/// Who runs a service.
#[derive(Clone, Debug)]
pub enum RunAs {
    /// We ourselves: we are not root.
    Ourselves,
    /// Somebody without rights, because we are root.
    Ordinary {
        /// The name.
        name: String,
        /// The user id.
        uid: Uid,
        /// The group id.
        gid: Gid,
    },
}

impl RunAs {
    /// The user for a service that refuses root: ourselves if we are not root, else `postgres`, else `nobody`.
    ///
    /// # Errors
    /// When we are root and neither exists.
    pub fn not_root() -> Result<Self, DevError> {
        if !Uid::effective().is_root() {
            return Ok(Self::Ourselves);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self::Ordinary {
                name: user.name,
                uid: user.uid,
                gid: user.gid,
            })
            .ok_or(DevError::NoOrdinaryUser)
    }

    /// Makes the command run as this user, without any other group. The working folder becomes the root: ours may be closed to
    /// them.
    pub fn apply(&self, command: &mut Command) {
        command.current_dir("/");
        if let Self::Ordinary { uid, gid, .. } = self {
            // The standard library clears the supplementary groups when root changes the user.
            command.uid(uid.as_raw()).gid(gid.as_raw()).env("HOME", "/");
        }
    }

    /// Gives them a file or folder.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn own(&self, path: &Path) -> Result<(), DevError> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Ordinary { uid, gid, .. } => chown(path, Some(*uid), Some(*gid))
                .map_err(|errno| DevError::file("change the owner of", path)(errno.into())),
        }
    }

    /// Checks that they may enter every folder above `path`.
    ///
    /// # Errors
    /// With the first folder that is closed to them. `option` tells how to choose another path.
    pub fn can_reach(&self, path: &Path, option: Option<&'static str>) -> Result<(), DevError> {
        match self.first_closed(path) {
            None => Ok(()),
            Some(blocker) => Err(DevError::Unreachable {
                user: match self {
                    Self::Ourselves => String::new(),
                    Self::Ordinary { name, .. } => name.clone(),
                },
                wanted: path.to_owned(),
                blocker,
                option,
            }),
        }
    }

    fn first_closed(&self, path: &Path) -> Option<PathBuf> {
        let Self::Ordinary { uid, gid, .. } = self else {
            return None;
        };
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.reverse();
        above.into_iter().find_map(|folder| {
            let found = std::fs::metadata(folder).ok()?;
            let enter = if found.uid() == uid.as_raw() {
                0o100
            } else if found.gid() == gid.as_raw() {
                0o010
            } else {
                0o001
            };
            (found.mode() & enter == 0).then(|| folder.to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_closed_folder_on_the_way_is_named() {
        let top = tempfile::tempdir().unwrap();
        let open = top.path().join("open");
        std::fs::create_dir_all(open.join("inner")).unwrap();
        let somebody = RunAs::Ordinary {
            name: "somebody".to_owned(),
            uid: Uid::from_raw(4_000_001),
            gid: Gid::from_raw(4_000_001),
        };
        let allow = |mode| std::fs::set_permissions(top.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        allow(0o700);
        let refused = somebody.can_reach(&open.join("inner"), Some("--data-dir")).unwrap_err();
        assert!(
            matches!(&refused, DevError::Unreachable { blocker, .. } if blocker == top.path()),
            "{refused}"
        );
        assert!(refused.to_string().contains("--data-dir"));

        allow(0o755);
        somebody.can_reach(&open.join("inner"), None).unwrap();
        RunAs::Ourselves.can_reach(&open, None).unwrap();
    }
}
