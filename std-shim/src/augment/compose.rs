//! Operations made of others.

use super::check::{check, check_probability};
use super::{Canvas, Place, Transform};
use crate::error::{Error, Result};

/// Several operations, one after another (`Compose`).
#[derive(Debug, Default)]
pub struct Compose(pub Vec<Box<dyn Transform>>);

/// All of its operations, or none, with probability `p` (`RandomApply`).
///
/// ```
/// use flatgrad::augment::{RandomApply, RandomErasing, Transform};
/// let sometimes = RandomApply { p: 0.1, transforms: vec![Box::new(RandomErasing::DEFAULT)] };
/// assert_eq!(sometimes.out_shape([3, 8, 8])?, [3, 8, 8]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Debug)]
pub struct RandomApply {
    /// The probability; torchvision's default is 0.5.
    pub p: f32,
    /// The operations; they must keep the shape.
    pub transforms: Vec<Box<dyn Transform>>,
}

/// One of its operations (`RandomChoice`).
///
/// ```
/// use flatgrad::augment::{RandomChoice, RandomHorizontalFlip, RandomVerticalFlip, Transform};
/// let (across, down) = (RandomHorizontalFlip::ALWAYS, RandomVerticalFlip::ALWAYS);
/// let choice = RandomChoice { transforms: vec![Box::new(across), Box::new(down)], weights: vec![3.0, 1.0] };
/// assert_eq!(choice.out_shape([3, 8, 8])?, [3, 8, 8]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Debug)]
pub struct RandomChoice {
    /// The operations; all must give the same shape.
    pub transforms: Vec<Box<dyn Transform>>,
    /// How likely each is, in any unit; empty: all the same.
    pub weights: Vec<f32>,
}

/// All of its operations in a random order (`RandomOrder`).
///
/// ```
/// use flatgrad::augment::{RandomCrop, RandomErasing, RandomOrder, Transform};
/// let crop = RandomCrop { padding: [2; 4], ..RandomCrop::DEFAULT };
/// let order = RandomOrder(vec![Box::new(RandomErasing::DEFAULT), Box::new(crop)]);
/// assert_eq!(order.out_shape([3, 8, 8])?, [3, 8, 8]);
/// let crop = RandomCrop { size: Some([4, 4]), ..RandomCrop::DEFAULT };
/// assert!(RandomOrder(vec![Box::new(crop)]).out_shape([3, 8, 8]).is_err(), "it must keep the shape");
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Debug)]
pub struct RandomOrder(pub Vec<Box<dyn Transform>>);

impl Transform for Compose {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        self.0.iter().try_fold(shape, |shape, one| one.out_shape(shape))
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        apply_all(&self.0, place, canvas)
    }

    fn streams(&self) -> u32 {
        streams(&self.0)
    }
}

impl Transform for RandomApply {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check_probability("random_apply", self.p)?;
        let out = self.transforms.iter().try_fold(shape, |shape, one| one.out_shape(shape))?;
        check(
            "random_apply",
            out == shape,
            "the shape after its operations",
            format_args!("{shape:?} as before"),
            out,
        )?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        if place.draws().chance(self.p) { apply_all(&self.transforms, place.after(1), canvas) } else { Ok(()) }
    }

    fn streams(&self) -> u32 {
        1 + streams(&self.transforms)
    }
}

impl RandomChoice {
    /// Which operation it is to be: `unit` is a random number in `[0, 1)`.
    pub fn choose(&self, unit: f64) -> usize {
        let last = self.transforms.len().saturating_sub(1);
        if self.weights.is_empty() {
            return ((unit * self.transforms.len() as f64) as usize).min(last);
        }
        let total: f64 = self.weights.iter().copied().map(f64::from).sum();
        let mut left = unit * total;
        let passed = self.weights.iter().take_while(|&&weight| {
            left -= f64::from(weight);
            left >= 0.0
        });
        passed.count().min(last)
    }
}

impl Transform for RandomChoice {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        const NAME: &str = "random_choice";
        let (n, weights) = (self.transforms.len(), &self.weights);
        check(NAME, weights.is_empty() || weights.len() == n, "p", format_args!("{n} numbers, one each"), weights)?;
        let positive = weights.iter().all(|&w| w >= 0.0 && w.is_finite());
        let some = weights.is_empty() || weights.iter().any(|&w| w > 0.0);
        check(NAME, positive && some, "p", "finite, not negative and not all 0", weights)?;
        let mut shapes = self.transforms.iter().map(|one| one.out_shape(shape));
        let first = shapes.next().unwrap_or_else(|| Err(Error::augment(NAME, "there is nothing to choose from")))?;
        for other in shapes {
            let other = other?;
            check(NAME, other == first, "the shape after each operation", format_args!("the same, {first:?}"), other)?;
        }
        Ok(first)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let chosen = self.choose(place.draws().unit());
        let before = streams(self.transforms.get(..chosen).unwrap_or_default());
        let one = self.transforms.get(chosen);
        one.map_or(Ok(()), |one| one.apply(place.after(1 + before), canvas))
    }

    fn streams(&self) -> u32 {
        1 + streams(&self.transforms)
    }
}

impl Transform for RandomOrder {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        for one in &self.0 {
            let out = one.out_shape(shape)?;
            check(
                "random_order",
                out == shape,
                "the shape after each operation",
                format_args!("{shape:?} as before"),
                out,
            )?;
        }
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let mut order = canvas.take_order();
        order.clear();
        order.extend(0..self.0.len());
        place.draws().shuffle(&mut order);
        let done = order.iter().try_for_each(|&i| {
            // An operation's stream is that of its place in the list, not in the order.
            let before = streams(&self.0[..i]);
            self.0[i].apply(place.after(1 + before), canvas)
        });
        canvas.give_order(order);
        done
    }

    fn streams(&self) -> u32 {
        1 + streams(&self.0)
    }
}

fn apply_all(transforms: &[Box<dyn Transform>], mut place: Place, canvas: &mut Canvas) -> Result {
    for one in transforms {
        one.apply(place, canvas)?;
        place = place.after(one.streams());
    }
    Ok(())
}

fn streams(transforms: &[Box<dyn Transform>]) -> u32 {
    transforms.iter().fold(0, |sum, one| sum.saturating_add(one.streams()))
}
