//! A picture of the loss.

use plotters::prelude::*;

use super::History;

const SIZE: (u32, u32) = (900, 500);
const FONT: (&str, u32) = ("sans-serif", 16);
/// More points than this along the picture cannot be told apart.
const MAX_POINTS: usize = 1000;

/// The course of a run as an SVG picture: the training loss of each step (thin), its moving average (thick) and the
/// test loss, all on the left axis, and the test accuracy, if there is one, on the right axis.
///
/// `None` if there is no step, or if the drawing fails.
pub fn loss_curve_svg(title: &str, history: &History) -> Option<String> {
    let mut svg = String::new();
    draw(title, history, &mut svg)?;
    Some(svg)
}

fn draw(title: &str, history: &History, svg: &mut String) -> Option<()> {
    let raw = thinned(&history.step_losses.iter().map(|&l| f64::from(l)).collect::<Vec<_>>());
    let smooth = thinned(&history.smoothed_losses());
    let ends = || history.epoch_ends.iter().zip(&history.epochs);
    let test: Vec<(f64, f64)> = ends().map(|(&end, e)| (end as f64, f64::from(e.test_loss))).collect();
    let accuracy = ends().filter_map(|(&end, e)| Some((end as f64, 100.0 * e.test_accuracy?)));
    let accuracy: Vec<(f64, f64)> = accuracy.collect();

    let finite = |points: &[(f64, f64)]| points.iter().map(|p| p.1).filter(|y| y.is_finite()).fold(0.0, f64::max);
    let top = finite(&raw).max(finite(&test)).max(1e-6) * 1.05;
    let right = history.step_losses.len().max(1) as f64;
    raw.first()?;
    // The accuracy's axis shows the interesting end: from the lowest value, rounded down to tens.
    let lowest = accuracy.iter().map(|p| p.1).fold(100.0, f64::min);
    let floor = ((lowest - 0.1) / 10.0).floor().clamp(0.0, 9.0) * 10.0;

    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE).ok()?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(55)
        .right_y_label_area_size(55)
        .build_cartesian_2d(0.0..right, 0.0..top)
        .ok()?
        .set_secondary_coord(0.0..right, floor..100.0);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .label_style(FONT)
        .axis_desc_style(FONT)
        .x_desc("step")
        .y_desc("loss")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| trimmed(*y))
        .draw()
        .ok()?;
    if !accuracy.is_empty() {
        let mut right_axis = chart.configure_secondary_axes();
        right_axis.label_style(FONT).axis_desc_style(FONT);
        right_axis.y_desc("test accuracy (%)").y_label_formatter(&|y| trimmed(*y)).draw().ok()?;
    }

    let (pale, blue) = (RGBColor(190, 205, 230), RGBColor(31, 90, 180));
    let (red, green) = (RGBColor(200, 60, 40), RGBColor(30, 140, 70));
    let line = |color: RGBColor| move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2));
    chart.draw_series(LineSeries::new(raw, pale)).ok()?.label("training loss").legend(line(pale));
    let series = LineSeries::new(smooth, blue.stroke_width(2));
    chart.draw_series(series).ok()?.label("moving average").legend(line(blue));
    let series = LineSeries::new(test, red.stroke_width(2)).point_size(3);
    chart.draw_series(series).ok()?.label("test loss").legend(line(red));
    if !accuracy.is_empty() {
        let series = LineSeries::new(accuracy, green.stroke_width(2)).point_size(3);
        chart.draw_secondary_series(series).ok()?.label("test accuracy").legend(line(green));
    }
    let mut labels = chart.configure_series_labels();
    labels.position(SeriesLabelPosition::MiddleRight).margin(15).label_font(FONT);
    labels.background_style(WHITE.mix(0.85)).border_style(RGBColor(180, 180, 180)).draw().ok()?;
    area.present().ok()
}

/// `(step, mean)` over runs of equal length, few enough to draw; a step is a point as long as there is room.
fn thinned(values: &[f64]) -> Vec<(f64, f64)> {
    let run = values.len().div_ceil(MAX_POINTS).max(1);
    let points = values.chunks(run).enumerate();
    points.map(|(i, v)| ((i * run + v.len()) as f64, v.iter().sum::<f64>() / v.len() as f64)).collect()
}

/// A number without trailing zeros.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_mean_and_the_end() {
        let values: Vec<f64> = (1..=2345).map(f64::from).collect();
        let points = thinned(&values);
        assert!(points.len() <= MAX_POINTS);
        assert_eq!(points[0], (3.0, 2.0));
        assert_eq!(points.last().unwrap().0, 2345.0);
        assert_eq!(thinned(&[5.0, 6.0]), [(1.0, 5.0), (2.0, 6.0)]);
    }

    #[test]
    fn nothing_to_draw_is_no_picture() {
        assert_eq!(loss_curve_svg("empty", &History::default()), None);
    }
}
