//! Charts: what is in the pictures, whatever the data.
#![allow(missing_docs, reason = "a test")]

use flatgrad::report::chart::{Axis, Bar, Bars, Chart, Rule, Series, Style, dark_properties};

/// A loss that falls at some rate, and a band around it.
fn falling(index: usize, name: &str, rate: f64, points: usize) -> Series {
    let y = |i: usize| 0.1 + 2.2 * (-rate * i as f64 / points as f64).exp();
    let band = (0..points).map(|i| (i as f64, 0.9 * y(i), 1.1 * y(i))).collect();
    Series { band, ..Series::new(index, name, (0..points).map(|i| (i as f64, y(i))).collect()) }
}

fn chart() -> Chart {
    let names = ["SGD", "momentum", "Adagrad", "RMSprop", "Adam, simple form", "Adam, full form"];
    Chart {
        series: names.iter().enumerate().map(|(i, name)| falling(i, name, 1.0 + i as f64, 300)).collect(),
        rules: vec![Rule::vertical(120.0, "best"), Rule::vertical(250.0, "stopped"), Rule::horizontal(1.5, "limit")],
        ..Chart::new("Six optimizers <& more>", Axis::counts("step"), Axis::linear("training \"loss\""))
    }
}

fn bars() -> Bars {
    let bar = |i: usize, name: &str, value: f64, reference: f64| Bar {
        whisker: Some((value - 5.0, value + 4.0)),
        reference: Some(reference),
        color: i,
        ..Bar::new(name, value)
    };
    Bars {
        reference: Some("Hinton et al. 2012".to_string()),
        bars: vec![bar(0, "without dropout", 137.3, 160.0), bar(1, "hidden 50 %", 125.0, 130.0)],
        ..Bars::new("Errors of 10,000", Axis::linear("errors on the test part"))
    }
}

/// Both formats, which must be sound; to look at them: CHARTS=/tmp cargo test -p flatgrad --test chart
fn drawn(name: &str, svg: String, png: &[u8]) -> (String, image::RgbImage) {
    if let Ok(folder) = std::env::var("CHARTS") {
        std::fs::write(format!("{folder}/{name}.svg"), &svg).unwrap();
        std::fs::write(format!("{folder}/{name}.png"), png).unwrap();
    }
    let image = image::load_from_memory_with_format(png, image::ImageFormat::Png).unwrap().to_rgb8();
    let size = format!(r#"width="{}" height="{}""#, image.width() / 2, image.height() / 2);
    assert!(svg.starts_with("<svg xmlns=") && svg.contains(&size) && svg.ends_with("</svg>\n"), "{size}: {svg}");
    for fault in ["NaN", "inf", "http://", "href", "<script", "url("] {
        assert!(!svg.replace("http://www.w3.org/2000/svg", "").contains(fault), "{name}: {fault}");
    }
    let edges = image
        .enumerate_pixels()
        .filter(|(x, y, _)| [0, image.width() - 1].contains(x) || [0, image.height() - 1].contains(y));
    assert!(edges.into_iter().all(|(_, _, pixel)| pixel.0 == [255; 3]), "{name}: something is cut off");
    (svg, image)
}

fn drawn_chart(name: &str, chart: &Chart) -> (String, image::RgbImage) {
    drawn(name, chart.to_svg(), &chart.to_png().unwrap())
}

/// How many pixels are of a colour, nearly.
fn count(image: &image::RgbImage, color: [u8; 3]) -> usize {
    image.pixels().filter(|pixel| pixel.0.iter().zip(color).all(|(a, b)| a.abs_diff(b) < 8)).count()
}

#[test]
fn everything_is_drawn_in_both_formats() {
    let (svg, image) = drawn_chart("chart", &chart());
    for text in
        ["Six optimizers &lt;&amp; more&gt;", "training &quot;loss&quot;", ">step<", ">best<", ">stopped<", ">limit<"]
    {
        assert!(svg.contains(text), "{text}");
    }
    for series in chart().series {
        assert!(svg.contains(&format!(">{}<", series.name)), "{}", series.name);
    }
    for color in [[31, 90, 180], [226, 121, 21], [196, 46, 52], [30, 132, 73], [124, 68, 160], [70, 76, 86]] {
        assert!(count(&image, color) > 300, "{color:?}");
    }
    assert_eq!(svg.matches("fill-opacity=\"0.16\"").count(), 6, "a band each");
    assert_eq!(drawn_chart("again", &chart()), (svg, image), "a picture is a function of its data");
}

#[test]
fn curves_differ_without_their_colours() {
    let (svg, _) = drawn_chart("plain", &Chart { rules: Vec::new(), ..chart() });
    let dashes = svg.lines().filter(|line| line.contains("stroke-width=\"2\"") && line.contains("chart-s-"));
    let patterns: Vec<&str> = dashes
        .filter_map(|line| line.split("stroke-dasharray=\"").nth(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(patterns.len() >= 8, "four of five curves are dashed, in the legend too: {patterns:?}");
    // The sixth is as solid as the first, and has other markers.
    assert_ne!(Style::of(0).marker, Style::of(5).marker);
}

#[test]
fn a_page_chooses_the_colours_and_a_file_alone_has_them() {
    let (svg, _) = drawn_chart("colours", &chart());
    for ink in ["paper", "text", "axis", "grid", "0", "5"] {
        assert!(dark_properties().contains(&format!("--chart-{ink}:#")), "{ink}");
        assert!(svg.contains(&format!("var(--chart-{ink},#")), "{ink}");
    }
    // For programs that know no CSS, and outside of pages.
    assert!(svg.contains("fill=\"#ffffff\"") && svg.contains("stroke=\"#1f5ab4\""));
}

#[test]
fn bars_have_whiskers_values_and_references() {
    let bars = bars();
    let (svg, image) = drawn("bars", bars.to_svg(), &bars.to_png().unwrap());
    for text in ["without dropout", ">137.3<", ">125<", "Hinton et al. 2012", "errors on the test part"] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(count(&image, [45, 48, 54]) > 500);
    let odd = Bars { bars: vec![Bar::new("lost", f64::NAN), Bar::new("none", 0.0)], ..bars };
    drawn("odd-bars", odd.to_svg(), &odd.to_png().unwrap());
    let empty = Bars { bars: Vec::new(), ..odd };
    drawn("no-bars", empty.to_svg(), &empty.to_png().unwrap());
}

#[test]
fn odd_data_is_drawn() {
    let nan = f64::NAN;
    let data = [
        ("empty", vec![]),
        ("one", vec![(3.0, 5.0)]),
        ("same", vec![(3.0, 5.0), (3.0, 5.0)]),
        ("gaps", vec![(0.0, nan), (1.0, 2.0), (2.0, f64::INFINITY), (3.0, 4.0), (nan, 1.0), (5.0, 1.0)]),
        ("extreme", vec![(0.0, 1e300), (1.0, -1e300), (2.0, 1e-300)]),
        ("negative", vec![(-5.0, -1.0), (-4.0, -2.0)]),
    ];
    for (name, points) in data {
        for (scale, y) in [("linear", Axis::linear("y")), ("log", Axis::logarithmic("y"))] {
            let band = points.iter().map(|&(x, y)| (x, y - 1.0, y + 1.0)).collect();
            let series = vec![Series { band, ..Series::new(0, name, points.clone()) }];
            let rules = vec![Rule::vertical(nan, "nowhere"), Rule::horizontal(2.0, "here")];
            let axis = Axis::linear("x");
            drawn_chart(&format!("{name}-{scale}"), &Chart { series, rules, ..Chart::new(name, axis, y) });
        }
    }
    let asked = Chart { y: Axis::linear("y").within(3.0, 1.0), ..chart() };
    assert_eq!(
        drawn_chart("wrong-range", &asked).0.matches("<path").count(),
        drawn_chart("chart", &Chart { y: Axis::linear("y"), ..chart() }).0.matches("<path").count()
    );
}

#[test]
fn long_curves_are_no_large_files() {
    let series = vec![falling(0, "long", 5.0, 200_000)];
    let (svg, _) = drawn_chart("long", &Chart { series, ..chart() });
    assert!(svg.len() < 250_000, "{}", svg.len());
}
