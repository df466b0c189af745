//! Figures: taken several times, told as their median.

use std::collections::BTreeMap;

/// One figure, in the order in which they were first taken.
#[derive(Debug)]
pub(crate) struct Figure {
    /// What it is, in words joined by dots and hyphens.
    pub(crate) name: String,
    /// Its unit, without spaces.
    pub(crate) unit: &'static str,
    samples: Vec<f64>,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    figures: Vec<Figure>,
    places: BTreeMap<String, usize>,
}

impl Figures {
    /// Adds a sample.
    pub(crate) fn take(&mut self, name: &str, value: f64, unit: &'static str) {
        let place = *self.places.entry(name.to_owned()).or_insert(self.figures.len());
        if place == self.figures.len() {
            self.figures.push(Figure { name: name.to_owned(), unit, samples: Vec::new() });
        }
        if let Some(figure) = self.figures.get_mut(place) {
            figure.samples.push(value);
        }
        println!("  {name} {} {unit}", shown(value));
    }

    /// The median of a figure, if it was taken.
    pub(crate) fn find(&self, name: &str) -> Option<f64> {
        self.figures.get(*self.places.get(name)?).map(Figure::median)
    }

    /// `bench NAME VALUE UNIT`, a line for each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line =
            |figure: &Figure| format!("bench {} {} {}", figure.name, shown(figure.median()), figure.unit);
        self.figures.iter().map(line).collect()
    }
}

impl Figure {
    fn median(&self) -> f64 {
        median(self.samples.clone())
    }
}

/// The middle one; of two, what lies between them. Nothing has the median 0.
pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    match (samples.get(middle), samples.len().is_multiple_of(2)) {
        (Some(upper), false) => *upper,
        (Some(upper), true) => samples.get(middle - 1).map_or(*upper, |lower| (lower + upper) / 2.0),
        (None, _) => 0.0,
    }
}

/// With three digits that say something, or whole.
pub(crate) fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_told_as_its_median() {
        let mut figures = Figures::default();
        for value in [3.0, 100.0, 1.0, 5.0] {
            figures.take("call.8.rate", value, "calls/s");
        }
        figures.take("size", 4000.0, "bytes");
        assert_eq!(figures.lines(), ["bench call.8.rate 4.00 calls/s", "bench size 4000 bytes"]);
        assert_eq!((figures.find("size"), figures.find("none")), (Some(4000.0), None));
    }

    #[test]
    fn every_line_has_four_words() {
        let mut figures = Figures::default();
        figures.take("a.b", 0.01234, "ms");
        for line in figures.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(
                matches!(words.as_slice(), ["bench", _, value, _] if value.parse::<f64>().is_ok()),
                "{line}"
            );
        }
    }
}
