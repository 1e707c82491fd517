//! Charts: bars that lie one below the other, drawn by the crate `plotters`.

use plotters::coord::Shift;
use plotters::prelude::{
    Color, DrawingArea, IntoDrawingArea, IntoFont, PathElement, RGBColor, Rectangle, SVGBackend, Text, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::compare::failure::Failure;
use crate::compare::statistics::Summary;

/// One bar.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) title: &'static str,
    pub(super) is_ours: bool,
    /// The median is how long it is, the rest a thin line at its end.
    pub(super) value: Summary,
    /// The median as it is written.
    pub(super) text: String,
}

/// An SVG, on a light ground of its own so that it can be read everywhere.
pub(super) fn draw(title: &str, bars: &[Bar]) -> Result<String, Failure> {
    let most = bars.iter().map(|bar| bar.value.most).fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| LEFT + (value / most * f64::from(RIGHT - LEFT)) as i32;
    let height = TOP + bars.len() as i32 * STEP + BOTTOM;
    let mut svg = String::new();
    let canvas = Canvas(SVGBackend::with_string(&mut svg, (WIDTH, height.unsigned_abs())).into_drawing_area());
    canvas.rectangle([(0, 0), (WIDTH as i32, height)], GROUND)?;
    canvas.text(title, (MARGIN, TOP / 2), TITLE, HPos::Left)?;
    canvas.line([(LEFT, TOP), (LEFT, height - BOTTOM)], FAINT)?;
    for (at, bar) in (0..).zip(bars) {
        let middle = TOP + at * STEP + STEP / 2;
        let color = if bar.is_ours { OURS } else { OTHERS };
        let (half, end) = (THICK / 2, x(bar.value.median));
        canvas.rectangle([(LEFT, middle - half), (end, middle + half)], color)?;
        canvas.line([(x(bar.value.least), middle), (x(bar.value.most), middle)], INK)?;
        canvas.text(bar.title, (LEFT - GAP, middle), LABEL, HPos::Right)?;
        canvas.text(&bar.text, (x(bar.value.most) + GAP, middle), LABEL, HPos::Left)?;
    }
    canvas.0.present().map_err(failed)?;
    drop(canvas);
    Ok(svg)
}

struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

impl Canvas<'_> {
    fn rectangle(&self, corners: [(i32, i32); 2], color: RGBColor) -> Result<(), Failure> {
        self.0.draw(&Rectangle::new(corners, color.filled())).map_err(failed)
    }

    fn line(&self, ends: [(i32, i32); 2], color: RGBColor) -> Result<(), Failure> {
        self.0
            .draw(&PathElement::new(ends, color.stroke_width(1)))
            .map_err(failed)
    }

    /// Its middle, or that of its left or right side, is at this point.
    fn text(&self, text: &str, at: (i32, i32), size: i32, side: HPos) -> Result<(), Failure> {
        let style = TextStyle::from(("sans-serif", size).into_font())
            .color(&INK)
            .pos(Pos::new(side, VPos::Center));
        self.0.draw(&Text::new(text, at, style)).map_err(failed)
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Chart(error.to_string())
}

const WIDTH: u32 = 760;
const TOP: i32 = 40;
const BOTTOM: i32 = 12;
const MARGIN: i32 = 12;
/// Where bars begin, and where the longest ends.
const LEFT: i32 = 205;
const RIGHT: i32 = 680;
const STEP: i32 = 24;
const THICK: i32 = 15;
const GAP: i32 = 7;
/// Sizes of text; `plotters` takes a quarter more than what comes out.
const TITLE: i32 = 19;
const LABEL: i32 = 16;

const GROUND: RGBColor = RGBColor(255, 255, 255);
const INK: RGBColor = RGBColor(36, 41, 47);
const FAINT: RGBColor = RGBColor(175, 184, 193);
const OURS: RGBColor = RGBColor(31, 119, 180);
const OTHERS: RGBColor = RGBColor(174, 190, 207);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_its_bars_and_what_they_are() {
        let bar = |title, median, text: &str| Bar {
            title,
            is_ours: title == "Switchboard",
            value: Summary {
                median,
                least: median / 2.0,
                most: median,
            },
            text: text.to_owned(),
        };
        let svg = draw("Echo", &[bar("Switchboard", 1.0, "1.00"), bar("ws", 0.5, "0.50")]).unwrap();
        assert!(svg.starts_with("<svg "), "{svg}");
        for text in ["Echo", "Switchboard", "1.00", "ws", "0.50", "sans-serif"] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
    }
}
