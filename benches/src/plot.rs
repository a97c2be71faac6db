//! Draws a plot as SVG, with two logarithmic axes, that is readable on light and on dark pages.

use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 630.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 396.0;

/// The minimum distance between two lines of the legend.
const LINE_HEIGHT: f64 = 20.0;

/// A color between light and dark.
const AXIS_COLOR: &str = "#808790";

#[derive(Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    /// The text below the axes.
    pub(crate) note: String,
    pub(crate) series: Vec<Series>,
}

#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) stroke: Stroke,
    pub(crate) points: Vec<Mark>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    pub(crate) color: &'static str,
    pub(crate) weight: Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Strong,
    Plain,
    Dashed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) fill: Fill,
}

/// Whether a mark is filled. A hollow mark has a caveat, which the plot's note explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Full,
    Hollow,
}

impl Plot {
    pub(crate) fn to_svg(&self) -> String {
        let marks = || self.series.iter().flat_map(|series| &series.points);
        let x = Scale::covering(marks().map(|mark| mark.x), (LEFT, RIGHT));
        let y = Scale::covering(marks().map(|mark| mark.y), (BOTTOM, TOP));
        let mut svg = String::new();
        let _ = writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="{AXIS_COLOR}">"#
        );
        let _ = writeln!(svg, "<title>{}</title>", escaped(&self.title));
        text(
            &mut svg,
            (LEFT, 22.0),
            "font-weight=\"600\" font-size=\"15\"",
            &self.title,
        );
        self.write_axes(&mut svg, &x, &y);
        for series in &self.series {
            series.write(&mut svg, &x, &y);
        }
        self.write_legend(&mut svg, &x, &y);
        svg.push_str("</svg>\n");
        svg
    }

    fn write_axes(&self, svg: &mut String, x: &Scale, y: &Scale) {
        for decade in x.decades() {
            let at = x.position(10_f64.powi(decade));
            line(svg, (at, TOP), (at, BOTTOM));
            let position = (at, BOTTOM + 20.0);
            text(svg, position, "text-anchor=\"middle\"", &tick_label(decade));
        }
        for decade in y.decades() {
            let at = y.position(10_f64.powi(decade));
            line(svg, (LEFT, at), (RIGHT, at));
            let position = (LEFT - 10.0, at + 4.0);
            text(svg, position, "text-anchor=\"end\"", &tick_label(decade));
        }
        let middle = f64::midpoint(LEFT, RIGHT);
        text(
            svg,
            (middle, BOTTOM + 42.0),
            "text-anchor=\"middle\"",
            self.x,
        );
        let middle = f64::midpoint(TOP, BOTTOM);
        let turned = format!("text-anchor=\"middle\" transform=\"rotate(-90 18 {middle})\"");
        text(svg, (18.0, middle), &turned, self.y);
        text(svg, (LEFT, HEIGHT - 6.0), "font-size=\"12\"", &self.note);
    }

    /// Labels each line at its end, with labels far enough apart to be readable.
    fn write_legend(&self, svg: &mut String, x: &Scale, y: &Scale) {
        let mut ends: Vec<_> = (self.series.iter())
            .filter_map(|series| Some((series, series.points.last()?)))
            .collect();
        ends.sort_by(|(_, one), (_, other)| other.y.total_cmp(&one.y));
        let wanted: Vec<f64> = ends.iter().map(|(_, end)| y.position(end.y)).collect();
        let column = RIGHT + 26.0;
        for ((series, end), at) in ends.iter().zip(spread_labels(&wanted)) {
            let (from, to) = (x.position(end.x) + 7.0, column - 5.0);
            let (color, bold) = (series.stroke.color, series.stroke.weight);
            let _ = writeln!(
                svg,
                r#"<path d="M{from:.1} {:.1} L{to:.1} {at:.1}" stroke="{color}" stroke-opacity="0.45" stroke-dasharray="1 3"/>"#,
                y.position(end.y)
            );
            let bold = if bold == Weight::Strong { 600 } else { 400 };
            let style = format!("fill=\"{color}\" font-weight=\"{bold}\"");
            text(svg, (column, at + 4.0), &style, series.name);
        }
    }
}

impl Series {
    fn write(&self, svg: &mut String, x: &Scale, y: &Scale) {
        let Stroke { color, weight } = self.stroke;
        let style = match weight {
            Weight::Strong => r#"stroke-width="3.5""#,
            Weight::Plain => r#"stroke-width="2""#,
            Weight::Dashed => r#"stroke-width="2" stroke-dasharray="6 4""#,
        };
        let mut path = String::new();
        for mark in &self.points {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(
                path,
                "{command}{:.1} {:.1} ",
                x.position(mark.x),
                y.position(mark.y)
            );
        }
        let path = path.trim_end();
        let _ = writeln!(
            svg,
            r#"<path d="{path}" fill="none" stroke="{color}" {style}/>"#
        );
        for mark in &self.points {
            let (cx, cy) = (x.position(mark.x), y.position(mark.y));
            let fill = match mark.fill {
                Fill::Full => format!(r#"fill="{color}""#),
                Fill::Hollow => format!(r#"fill="none" stroke="{color}" stroke-width="2""#),
            };
            let _ = writeln!(svg, r#"<circle cx="{cx:.1}" cy="{cy:.1}" r="4.5" {fill}/>"#);
        }
    }
}

/// A logarithmic axis from one power of ten to another.
#[derive(Debug)]
struct Scale {
    decades: (i32, i32),
    ends: (f64, f64),
}

impl Scale {
    fn covering(values: impl Iterator<Item = f64> + Clone, ends: (f64, f64)) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(0.0, f64::max);
        let (first, last) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        Self {
            decades: (first, last.max(first + 1)),
            ends,
        }
    }

    fn position(&self, value: f64) -> f64 {
        let (first, last) = self.decades;
        let share = (value.log10() - f64::from(first)) / f64::from(last - first);
        self.ends.0 + share * (self.ends.1 - self.ends.0)
    }

    fn decades(&self) -> impl Iterator<Item = i32> + use<> {
        self.decades.0..=self.decades.1
    }
}

/// Moves positions, which are ascending, far enough apart for labels.
fn spread_labels(wanted: &[f64]) -> Vec<f64> {
    let mut positions = wanted.to_vec();
    for index in 1..positions.len() {
        positions[index] = positions[index].max(positions[index - 1] + LINE_HEIGHT);
    }
    let overflow = positions
        .last()
        .map_or(0.0, |last| (last - BOTTOM).max(0.0));
    // Labels pushed past the bottom push the others back up.
    let mut ceiling = f64::INFINITY;
    for position in positions.iter_mut().rev() {
        if overflow > 0.0 {
            *position = position.min(ceiling.min(BOTTOM));
            ceiling = *position - LINE_HEIGHT;
        }
    }
    positions
}

fn tick_label(decade: i32) -> String {
    match decade {
        ..=2 => format!("{}", 10_f64.powi(decade)),
        3..=5 => format!("{},000", 10_u64.pow(decade.unsigned_abs() - 3)),
        _ => format!("{} million", 10_f64.powi(decade - 6)),
    }
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(
        svg,
        r#"<path d="M{x1:.1} {y1:.1} L{x2:.1} {y2:.1}" stroke="{AXIS_COLOR}" stroke-opacity="0.3"/>"#
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), style: &str, words: &str) {
    let words = escaped(words);
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" {style}>{words}</text>"#);
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_begins_and_ends_at_powers_of_ten() {
        let scale = Scale::covering([12.0, 1002.0].into_iter(), (0.0, 300.0));
        assert_eq!(scale.decades().collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(scale.position(10.0), 0.0);
        assert_eq!(scale.position(100.0), 100.0);
        assert_eq!(scale.position(10_000.0), 300.0);
    }

    #[test]
    fn labels_do_not_overlap_or_leave_the_plot() {
        let positions = spread_labels(&[100.0, 101.0, BOTTOM - 5.0, BOTTOM]);
        assert_eq!(positions, [100.0, 120.0, BOTTOM - LINE_HEIGHT, BOTTOM]);
    }

    #[test]
    fn tick_labels() {
        let written = [1, 3, 5, 6].map(tick_label);
        assert_eq!(written, ["10", "1,000", "100,000", "1 million"]);
    }
}
