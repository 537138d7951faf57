//! What a piece costs.

use serde::{Deserialize, Serialize};

use super::estimate::Estimate;
use super::material::Material;

/// A price and what it is made of. Money is whole cents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Price {
    /// Mass of the metal, grams.
    pub(crate) weight_g: f64,
    /// Price of the metal, cents.
    pub(crate) material_cents: i64,
    /// Price of the work, cents.
    pub(crate) work_cents: i64,
    /// The sum, cents.
    pub(crate) total_cents: i64,
}

/// The price of an estimated piece in a material.
pub(crate) fn price(material: Material, estimate: &Estimate) -> Price {
    let weight_g = estimate.volume_mm3 / MM3_PER_CM3 * material.density_g_per_cm3();
    let material_cents = cents(weight_g * material.cents_per_gram());
    let work_cents = cents(estimate.production_s / S_PER_HOUR * CENTS_PER_HOUR);
    Price { weight_g, material_cents, work_cents, total_cents: material_cents.saturating_add(work_cents) }
}

/// Rounds half a cent up; a piece larger than money can count costs the most there is.
fn cents(amount: f64) -> i64 {
    amount.round() as i64
}

const MM3_PER_CM3: f64 = 1_000.0;

const S_PER_HOUR: f64 = 3_600.0;

/// An hour of work, cents. A sample figure.
const CENTS_PER_HOUR: f64 = 6_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(volume_mm3: f64, production_s: f64) -> Estimate {
        Estimate { volume_mm3, surface_mm2: 700.0, complexity: 1.5, production_s }
    }

    /// Scenario: 400 mm³ and an hour and a half of work are priced in each material.
    /// Guarantees: weight and sums are those of a calculator.
    #[test]
    fn prices_are_sums() {
        let of = |material| price(material, &estimate(400.0, 5_400.0));
        let gold = Price { weight_g: 6.2, material_cents: 48_360, work_cents: 9_600, total_cents: 57_960 };
        assert_eq!(of(Material::Gold), gold);
        assert_eq!(of(Material::Platinum).material_cents, 31_356);
        assert_eq!(of(Material::Silver).total_cents, 499 + 9_600);
    }

    /// Scenario: a piece of absurd size is priced.
    /// Guarantees: the price is the largest there is, not an overflow.
    #[test]
    fn absurd_sizes_saturate() {
        assert_eq!(price(Material::Gold, &estimate(1e100, 1e100)).total_cents, i64::MAX);
    }
}
