//! The quadric error: how far a point is from a set of planes.

use std::ops::{Add, AddAssign};

use glam::{DMat3, DVec3};

/// The sum of the squared distances to planes, each weighted with an area, as a function of the place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quadric {
    square: DMat3,
    linear: DVec3,
    constant: f64,
}

impl Quadric {
    /// No planes: no place has an error.
    pub(super) const ZERO: Self = Self { square: DMat3::ZERO, linear: DVec3::ZERO, constant: 0.0 };

    /// The plane through `point` with this unit normal.
    pub(super) fn plane(normal: DVec3, point: DVec3, weight: f64) -> Self {
        let offset = normal.dot(point);
        Self {
            square: DMat3::from_cols(normal * normal.x, normal * normal.y, normal * normal.z) * weight,
            linear: normal * (-offset * weight),
            constant: offset * offset * weight,
        }
    }

    /// The error at a place, at least 0.
    pub(super) fn error(&self, at: DVec3) -> f64 {
        (at.dot(self.square * at) + 2.0 * self.linear.dot(at) + self.constant).max(0.0)
    }

    /// The place with the least error, drawn weakly to `middle`: without the pull there is no single best
    /// place on flat parts and along straight edges.
    pub(super) fn best_place(&self, middle: DVec3) -> DVec3 {
        let pulled = self.square + DMat3::from_diagonal(DVec3::splat(self.pull()));
        middle - pulled.inverse() * (self.square * middle + self.linear)
    }

    /// Weight of the pull, in the unit of the planes' weights.
    pub(super) fn pull(&self) -> f64 {
        (self.square.x_axis.x + self.square.y_axis.y + self.square.z_axis.z) * PULL
    }
}

impl Add for Quadric {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Quadric {
    fn add_assign(&mut self, other: Self) {
        self.square += other.square;
        self.linear += other.linear;
        self.constant += other.constant;
    }
}

/// The pull for the planes' weight. Smaller, and the inverse of flat parts loses too many digits; larger, and
/// corners are rounded off.
const PULL: f64 = 1e-5;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: three planes meet in a corner; then only one of them is known.
    /// Guarantees: the best place is the corner, then the middle moved onto the plane; the error is a squared
    /// distance.
    #[test]
    fn best_places() {
        let corner = DVec3::new(1.0, 2.0, 3.0);
        let flat = Quadric::plane(DVec3::X, corner, 4.0);
        let all = flat + Quadric::plane(DVec3::Y, corner, 1.0) + Quadric::plane(DVec3::Z, corner, 2.0);
        let middle = DVec3::new(1.5, 2.5, 2.0);
        assert!(all.best_place(middle).distance(corner) < 1e-3);
        assert!(flat.best_place(middle).distance(DVec3::new(1.0, 2.5, 2.0)) < 1e-3);
        assert!(all.error(corner) < 1e-12);
        assert!((all.error(corner + 3.0 * DVec3::Y) - 9.0).abs() < 1e-9);
    }
}
