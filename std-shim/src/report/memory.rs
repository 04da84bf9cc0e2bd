//! How much memory the process has used.

/// The most memory this process has held at once, in bytes; `None` where the system does not tell.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_test_program_holds_a_plausible_amount() {
        let peak = super::peak_memory().unwrap();
        assert!((100 << 10..64 << 30).contains(&peak), "{peak}");
    }
}
