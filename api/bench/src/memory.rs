//! How much memory a stretch of work takes at most, where the system tells: on Linux, by proc(5).

/// What was in use when the watch began, in kibibytes.
pub(super) struct Watch(u64);

/// Begins to watch. `None` where the system does not tell.
pub(super) fn watch() -> Option<Watch> {
    // "5" resets the peak (proc_pid_clear_refs(5)).
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    peak().map(Watch)
}

impl Watch {
    /// How much the peak rose since, in mebibytes.
    pub(super) fn mebibytes(self) -> Option<u64> {
        Some(peak()?.saturating_sub(self.0) / 1024)
    }
}

/// The peak of resident memory in kibibytes (`VmHWM` of proc_pid_status(5)).
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
