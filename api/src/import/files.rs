//! Which bundles there are: `.json`, `.json.gz`, and directories of them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use walkdir::WalkDir;

/// A bundle larger than this, unpacked, is refused rather than read into memory.
const LARGEST: u64 = 1 << 30;

/// The bundles at these paths, in order: files as they are given, directories recursively.
///
/// # Errors
/// When a path does not exist, a directory cannot be read, or there is no bundle at all.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_file() {
            found.push(path.clone());
            continue;
        }
        for entry in WalkDir::new(path).sort_by_file_name().follow_links(true) {
            let entry = entry.map_err(|error| error.to_string())?;
            if entry.file_type().is_file() && is_bundle(entry.path()) {
                found.push(entry.into_path());
            }
        }
    }
    if found.is_empty() {
        return Err("there is no .json or .json.gz file at the given paths".to_owned());
    }
    Ok(found)
}

fn is_bundle(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.ends_with(".json") || name.ends_with(".json.gz")
}

/// Reads a bundle, unpacked.
///
/// # Errors
/// When it cannot be read or unpacked, or is too large.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let source: Box<dyn Read> = if packed {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut json = Vec::new();
    source
        .take(LARGEST)
        .read_to_end(&mut json)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if json.len() as u64 == LARGEST {
        return Err("is larger than 1 GiB unpacked".to_owned());
    }
    Ok(json)
}
