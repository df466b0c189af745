//! Dates, in UTC.

use crate::pages::account::ShownDay;

/// The names of the months, as in HTTP dates (RFC 9110 section 5.6.7).
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// Year, month and day of a time in seconds since the Unix epoch, in the Gregorian calendar. Counted from
/// 1 March, so that the day that not every year has is the last one.
fn civil(seconds: u64) -> (u64, u64, u64) {
    let days = seconds / SECONDS_PER_DAY + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day)
}

/// As people read it: `24 Nov 2026`.
pub fn in_words(seconds: u64) -> String {
    let (year, month, day) = civil(seconds);
    let month = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    format!("{day} {} {year}", month.copied().unwrap_or_default())
}

/// The same with the time of day, to the minute: `24 Nov 2026, 11:40 UTC`.
pub fn moment_in_words(seconds: u64) -> String {
    let time = seconds % SECONDS_PER_DAY;
    format!("{}, {:02}:{:02} UTC", in_words(seconds), time / 3_600, time / 60 % 60)
}

/// A day, for a page.
pub(crate) fn shown(seconds: u64) -> ShownDay {
    ShownDay { date: date(seconds), words: in_words(seconds) }
}

/// A moment, for a page.
pub(crate) fn shown_moment(seconds: u64) -> ShownDay {
    ShownDay { date: date_time(seconds), words: moment_in_words(seconds) }
}

/// As programs read it (RFC 3339 `full-date`): `2026-11-24`.
pub fn date(seconds: u64) -> String {
    let (year, month, day) = civil(seconds);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The same with the time of day (RFC 3339 `date-time`): `2026-11-24T11:40:05Z`.
pub fn date_time(seconds: u64) -> String {
    let time = seconds % SECONDS_PER_DAY;
    format!("{}T{:02}:{:02}:{:02}Z", date(seconds), time / 3_600, time / 60 % 60, time % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_800_000_000, "2027-01-15T08:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(date_time(seconds), expected);
        }
        assert_eq!(in_words(1_800_000_000), "15 Jan 2027");
        assert_eq!(moment_in_words(1_800_000_059), "15 Jan 2027, 08:00 UTC");
        // Day after day, none is left out or twice.
        let days: std::collections::BTreeSet<String> =
            (0..150_000).map(|day| date(day * SECONDS_PER_DAY)).collect();
        assert_eq!(days.len(), 150_000);
    }
}
