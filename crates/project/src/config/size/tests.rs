use super::*;

#[test]
fn bytes_have_a_unit() {
    assert_eq!(bytes("4GB"), Some(4_000_000_000));
    assert_eq!(bytes("512 MiB"), Some(512 * 1024 * 1024));
    assert_eq!(bytes("1.5kb"), Some(1500));
    for wrong in ["", "4", "GB", "4 G B", "-1GB", "4XB", "1.2.3GB", "99999999999TB"] {
        assert_eq!(bytes(wrong), None, "{wrong}");
    }
}

#[test]
fn durations_have_units() {
    assert_eq!(duration("60s"), Some(TimeDelta::minutes(1)));
    assert_eq!(duration("1h30m"), Some(TimeDelta::minutes(90)));
    assert_eq!(duration("1d 12h"), Some(TimeDelta::hours(36)));
    for wrong in ["", "60", "s", "1.5h", "-1h", "1y", "9999999999999999999s", "999999999999999999w"] {
        assert_eq!(duration(wrong), None, "{wrong}");
    }
}
