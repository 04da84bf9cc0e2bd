//! A trained network on a whole data set.

use super::Metric;
use crate::data::{Loader, TargetScaling};
use crate::error::Result;
use crate::model::{Predictor, TestViews};

/// Adds all samples of `loader` to `metrics`. Outputs of values are in their own unit, given how they were
/// standardized.
///
/// The loader's pipeline is that of `views`; where there are several of each sample, the plain ones alone are added to
/// `plain`.
///
/// # Errors
///
/// Those of the data, of [`Predictor::outputs`] and of [`Metric::add`].
///
/// ```
/// use flatgrad::data::{self, Loader, Normalizer};
/// use flatgrad::model::{Architecture, LayerStore, Network, Predictor, TestCrops, named_weights};
/// use flatgrad::train::metrics::{Accuracy, Metric, measure_all};
/// use flatgrad_core::net::{Config, Optimizer, Plan};
/// use flatgrad_core::{Context, Isa};
/// let (digits, store) = (data::digits()?, LayerStore::default());
/// let network = Network::new(Architecture::Tiny, [1, 8, 8], 10);
/// let plan = Plan::try_new(&network.net(&store)?, Config::new(64, Optimizer::sgd(1.0)))?;
/// let weights = named_weights(&plan, &vec![0.0; plan.weights_len()], 0)?;
/// let mut predictor = Predictor::new(Context::serial(Isa::detect()), &plan, &weights)?;
/// let (normalizer, views) = (Normalizer::fit(&digits.train)?, TestCrops::ONE.views(&network, [1, 8, 8])?);
/// let (mut accuracy, loader) = (Accuracy::default(), Loader::new(&digits.test, &normalizer, 64));
/// measure_all(&mut predictor, &loader, &views, None, &mut [&mut accuracy], &mut [])?;
/// assert_eq!(accuracy.value(), 0.1, "all are taken for the first class");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn measure_all(
    predictor: &mut Predictor,
    loader: &Loader,
    views: &TestViews,
    targets: Option<&TargetScaling>,
    metrics: &mut [&mut dyn Metric],
    plain: &mut [&mut dyn Metric],
) -> Result {
    let classes = loader.data().task().is_classes();
    predictor.each(loader, |batch, outputs| {
        let mut outputs = outputs.to_vec();
        if let Some(targets) = targets {
            targets.undo(&mut outputs);
        }
        let each = outputs.len() / (views.count() * batch.len()).max(1);
        let together = views.average(&outputs, each, classes)?;
        metrics.iter_mut().try_for_each(|metric| metric.add(&together, batch.target()))?;
        if views.count() > 1 {
            let alone = views.plain(&outputs, each);
            plain.iter_mut().try_for_each(|metric| metric.add(&alone, batch.target()))?;
        }
        Ok(())
    })
}
