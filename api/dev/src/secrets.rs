//! The secrets of a system of one's own, made once, at random, and kept in its data directory for its owner alone.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::path::Path;

use domain::kernel::typed_data::keccak256;
use infrastructure::chain::Signer;
use secrecy::{ExposeSecret, SecretString};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::data_dir::write_atomically;
use super::error::DevError;

/// The file.
const FILE: &str = "secrets.toml";

/// 32 secret bytes in hexadecimal.
#[derive(Clone)]
pub struct HexSecret(SecretString);

impl HexSecret {
    /// The text. Never print it, unless it is of a demo.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    fn random() -> Result<Self, DevError> {
        let mut bytes = [0; 32];
        std::fs::File::open("/dev/urandom")
            .and_then(|mut source| source.read_exact(&mut bytes))
            .map_err(DevError::Randomness)?;
        Ok(Self(hex::encode(bytes).into()))
    }

    /// A key of a demo's wallet that follows from another one, for a data directory that was made before anybody had it.
    pub(crate) fn key_of(&self, role: &str) -> Self {
        let named = format!("{role} beside {}", self.expose());
        Self(hex::encode(keccak256(named.as_bytes())).into())
    }

    /// One that is a key of an Ethereum account: nearly every one is.
    fn random_key() -> Result<Self, DevError> {
        loop {
            let candidate = Self::random()?;
            if candidate.expose().parse::<Signer>().is_ok() {
                return Ok(candidate);
            }
        }
    }
}

impl fmt::Debug for HexSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HexSecret")
    }
}

impl Serialize for HexSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for HexSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.into()))
        } else {
            Err(D::Error::custom("a secret must be 64 hexadecimal digits"))
        }
    }
}

/// All of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The organisation's master secret.
    pub master_secret: HexSecret,
    /// Wraps the patients' keys.
    pub key_encryption_key: HexSecret,
    /// The password of the database's owner.
    pub postgres_password: HexSecret,
    /// The key that administers the contract.
    pub deployer: HexSecret,
    /// The key that appends to the log and pays for it.
    pub signer: HexSecret,
    /// The wallets of the demo's people.
    pub demo: DemoWallets,
}

/// The private keys of wallets that exist only for trying things out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoWallets {
    /// Runs the server.
    pub administrator: HexSecret,
    /// Of the hospital's staff.
    pub hospital: HexSecret,
    /// Attests doctors.
    pub registrar: HexSecret,
    /// Verifies the log.
    pub auditor: HexSecret,
    /// An insurer's.
    pub insurer: HexSecret,
    /// A doctor's.
    pub doctor: HexSecret,
    /// A patient's.
    pub patient: HexSecret,
}

impl Secrets {
    /// Reads them from a data directory; makes them if it has none yet.
    ///
    /// # Errors
    /// When the file is damaged, or is missing where there is data that only it opens.
    pub fn open(folder: &Path) -> Result<Self, DevError> {
        let path = folder.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| DevError::Damaged {
                path,
                // The parser's own message would quote the line, and that is a secret.
                reason: format!("it cannot be read{}", at(&text, error.span())),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if folder.join("postgres").exists() || folder.join("chain.jsonl").exists() {
                    return Err(DevError::Damaged {
                        path,
                        reason: "it is missing, and the data cannot be opened without it".to_owned(),
                    });
                }
                let secrets = Self::random()?;
                let text = toml::to_string(&secrets).map_err(|error| DevError::Damaged {
                    path: path.clone(),
                    reason: error.to_string(),
                })?;
                let text =
                    format!("# The secrets of this data directory. Without them its data cannot be opened.\n{text}");
                write_atomically(&path, text.as_bytes(), 0o600)?;
                Ok(secrets)
            }
            Err(error) => Err(DevError::file("read", path)(error)),
        }
    }

    fn random() -> Result<Self, DevError> {
        Ok(Self {
            master_secret: HexSecret::random()?,
            key_encryption_key: HexSecret::random()?,
            postgres_password: HexSecret::random()?,
            deployer: HexSecret::random_key()?,
            signer: HexSecret::random_key()?,
            demo: DemoWallets {
                administrator: HexSecret::random_key()?,
                hospital: HexSecret::random_key()?,
                registrar: HexSecret::random_key()?,
                auditor: HexSecret::random_key()?,
                insurer: HexSecret::random_key()?,
                doctor: HexSecret::random_key()?,
                patient: HexSecret::random_key()?,
            },
        })
    }
}

fn at(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    span.and_then(|span| text.get(..span.start))
        .map_or_else(String::new, |before| {
            format!(" (line {})", before.matches('\n').count() + 1)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn secrets_are_made_once_and_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = Secrets::open(folder.path()).unwrap();
        let read = Secrets::open(folder.path()).unwrap();
        assert_eq!(made.master_secret.expose(), read.master_secret.expose());
        assert_ne!(made.master_secret.expose(), made.key_encryption_key.expose());
        let mode = std::fs::metadata(folder.path().join(FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{made:?}").contains(made.signer.expose()));
    }

    #[test]
    fn a_damaged_file_is_named_without_its_content_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "master_secret = \"5ec4e7\"\n").unwrap();
        let refused = Secrets::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains(FILE) && !refused.contains("5ec4e7"), "{refused}");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(folder.path().join("postgres")).unwrap();
        assert!(Secrets::open(folder.path()).is_err());
        assert!(!path.exists());
    }
}
