//! PostgreSQL: `MEDCONNECT_POSTGRES` (its folder of programs), else an installed one, else npm's.

use std::path::{Path, PathBuf};

use super::npm::{Package, fetch};
use super::{Progress, ask, on_path};
use crate::error::DevError;
use crate::user::RunAs;

/// The environment variable that names the folder with `postgres` and `initdb`.
const VARIABLE: &str = "MEDCONNECT_POSTGRES";

/// The version that is fetched: PostgreSQL 17.10, in the seventeenth edition of the package.
const PINNED: &str = "17.10.0-beta.17";

/// The oldest that will do.
const OLDEST: u32 = 15;

/// Where systems put PostgreSQL without putting it on the PATH: a folder per version.
const USUAL: [&str; 4] = [
    "/usr/lib/postgresql",
    "/usr/local/pgsql",
    "/opt/homebrew/opt",
    "/usr/local/opt",
];

/// The programs of a PostgreSQL.
#[derive(Clone, Debug)]
pub struct PostgresTools {
    /// The folder they are in.
    pub folder: PathBuf,
    /// The major version.
    pub version: u32,
}

impl PostgresTools {
    /// Finds them, or fetches them. `user` must be able to reach them, and they must be of the version that made the cluster in
    /// this folder, if there is one.
    ///
    /// # Errors
    /// When none is installed and none can be fetched.
    pub async fn find(user: &RunAs, cluster: &Path, progress: Progress<'_>) -> Result<Self, DevError> {
        let wanted = made_by(cluster)?;
        let fits = |found: &Self| wanted.is_none_or(|wanted| wanted == found.version);
        if let Some(named) = std::env::var_os(VARIABLE) {
            let path = PathBuf::from(named);
            let found = Self::at(&path).map_err(|reason| DevError::BadOverride {
                variable: VARIABLE,
                path,
                reason,
            })?;
            user.can_reach(&found.program("postgres"), None)?;
            return if fits(&found) {
                Ok(found)
            } else {
                Err(found.does_not_fit(cluster, wanted))
            };
        }
        let usable = |folder: PathBuf| {
            let found = Self::at(&folder).ok()?;
            (fits(&found) && user.can_reach(&found.program("postgres"), None).is_ok()).then_some(found)
        };
        if let Some(found) = installed().into_iter().find_map(usable) {
            return Ok(found);
        }
        let found = Self::fetch(progress).await?;
        user.can_reach(&found.program("postgres"), None)?;
        if fits(&found) {
            Ok(found)
        } else {
            Err(found.does_not_fit(cluster, wanted))
        }
    }

    async fn fetch(progress: Progress<'_>) -> Result<Self, DevError> {
        let platform = platform().ok_or_else(|| DevError::NoPackage {
            tool: "PostgreSQL",
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            variable: VARIABLE,
        })?;
        let package = Package {
            tool: "PostgreSQL",
            name: format!("@embedded-postgres/{platform}"),
            version: PINNED,
            variable: VARIABLE,
        };
        let folder = fetch(&package, progress, restore_links).await?.join("native/bin");
        Self::at(&folder).map_err(|output| DevError::Failed {
            program: folder,
            output,
        })
    }

    fn does_not_fit(&self, cluster: &Path, wanted: Option<u32>) -> DevError {
        DevError::OtherPostgres {
            path: cluster.to_owned(),
            wanted: wanted.unwrap_or_default(),
            found: self.version,
            variable: VARIABLE,
        }
    }

    /// One of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn at(folder: &Path) -> Result<Self, String> {
        if !folder.join("initdb").is_file() {
            return Err("there is no initdb in it".to_owned());
        }
        let said = ask(&folder.join("postgres"), &["--version"]).ok_or("there is no working postgres in it")?;
        let version = version(&said).ok_or_else(|| format!("it says it is {said:?}"))?;
        if version < OLDEST {
            return Err(format!("it is PostgreSQL {version}; {OLDEST} or later is needed"));
        }
        Ok(Self {
            folder: folder.to_owned(),
            version,
        })
    }
}

/// The version that made the cluster in a folder; `None` when there is none yet.
fn made_by(cluster: &Path) -> Result<Option<u32>, DevError> {
    let path = cluster.join("data/PG_VERSION");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| DevError::Damaged {
            path,
            reason: "it names no version of PostgreSQL".to_owned(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DevError::file("read", path)(error)),
    }
}

/// The folders that may hold a PostgreSQL, the likeliest first.
fn installed() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = on_path("postgres")
        // Systems link single programs into the PATH; the others stand beside the real one.
        .filter_map(|path| path.canonicalize().ok()?.parent().map(Path::to_owned))
        .collect();
    folders.extend(
        on_path("pg_config")
            .find_map(|path| ask(&path, &["--bindir"]))
            .map(PathBuf::from),
    );
    let mut versions: Vec<PathBuf> = USUAL
        .iter()
        .filter_map(|place| std::fs::read_dir(place).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("postgres").is_file())
        .collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders
}

/// npm's name for this machine.
fn platform() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("linux-x64"),
        ("linux", "aarch64") => Some("linux-arm64"),
        ("linux", "arm") => Some("linux-arm"),
        ("linux", "powerpc64") => Some("linux-ppc64"),
        ("macos", "x86_64") => Some("darwin-x64"),
        ("macos", "aarch64") => Some("darwin-arm64"),
        _ => None,
    }
}

/// A symbolic link that the package should have.
#[derive(serde::Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// npm's archives hold no symbolic links; the package lists the ones it needs, for a script that we do not run.
fn restore_links(package: &Path) -> Result<(), DevError> {
    let list = package.join("native/pg-symlinks.json");
    let text = match std::fs::read(&list) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(DevError::file("read", &list)(error)),
    };
    let links: Vec<Link> = serde_json::from_slice(&text).map_err(|error| DevError::Damaged {
        path: list,
        reason: error.to_string(),
    })?;
    for Link { source, target } in links {
        let (from, to) = (package.join(&target), package.join(&source));
        // A link within the package only, and relative, so that the package can be moved.
        let Some(relative) = relative(&target, &source) else {
            continue;
        };
        if to.exists() && !from.exists() {
            std::os::unix::fs::symlink(&relative, &from).map_err(DevError::file("link", &from))?;
        }
    }
    Ok(())
}

/// The way from the link's folder to the file, both given relative to the package.
fn relative(link: &Path, file: &Path) -> Option<PathBuf> {
    use std::path::Component;
    let plain = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain(link) || !plain(file) {
        return None;
    }
    let up = link.components().count().checked_sub(1)?;
    Some(std::iter::repeat_n("..", up).collect::<PathBuf>().join(file))
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
fn version(said: &str) -> Option<u32> {
    let number = said.split_once("(PostgreSQL) ")?.1;
    number
        .split(|character: char| !character.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_says() {
        assert_eq!(
            version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(version("postgres (PostgreSQL) 18beta2"), Some(18));
        assert_eq!(version("something else"), None);
    }

    #[test]
    fn data_of_another_version_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        assert_eq!(made_by(folder.path().join("nowhere").as_path()).unwrap(), None);
        std::fs::write(folder.path().join("data/PG_VERSION"), "9\n").unwrap();
        assert_eq!(made_by(folder.path()).unwrap(), Some(9));
        let tools = PostgresTools {
            folder: "/".into(),
            version: 17,
        };
        let refused = tools.does_not_fit(folder.path(), Some(9)).to_string();
        assert!(
            refused.contains(VARIABLE) && refused.contains("PostgreSQL 9"),
            "{refused}"
        );
        std::fs::write(folder.path().join("data/PG_VERSION"), "").unwrap();
        assert!(made_by(folder.path()).is_err());
    }

    #[test]
    fn links_stay_inside_the_package() {
        assert_eq!(
            relative(Path::new("native/lib/libpq.so"), Path::new("native/lib/libpq.so.5")),
            Some("../../native/lib/libpq.so.5".into())
        );
        assert_eq!(
            relative(Path::new("../outside"), Path::new("native/lib/libpq.so.5")),
            None
        );
        assert_eq!(relative(Path::new("native/x"), Path::new("/etc/passwd")), None);
    }
}
