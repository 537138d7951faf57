//! What it takes to make a piece: how much metal, how much surface to finish, how intricate, how long.

use std::collections::HashMap;
use std::f64::consts::PI;

use glam::DVec3;
use serde::{Deserialize, Serialize};

use super::mesh::Mesh;
use super::progress::Progress;

/// The measures of a piece that its price depends on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Estimate {
    /// Volume of the metal, mm³.
    pub(crate) volume_mm3: f64,
    /// Surface to be finished, mm².
    pub(crate) surface_mm2: f64,
    /// How intricate the piece is: 1 for a sphere, about 1.2 for a cube, about 2 for a plain ring, more for
    /// filigree. The size does not matter.
    pub(crate) complexity: f64,
    /// Time to make the piece, seconds of work.
    pub(crate) production_s: f64,
}

/// Measures a mesh.
pub(crate) fn estimate(mesh: &Mesh, report: &mut dyn FnMut(f64)) -> Estimate {
    let mut progress = Progress::new(report);
    let volume_mm3 = mesh.volume_mm3();
    let surface_mm2 = mesh.surface_mm2();
    let bend_mm = bend_mm(mesh, &mut progress);
    progress.finish();
    let complexity = complexity(volume_mm3, surface_mm2, bend_mm);
    let production_s =
        SETUP_S + CASTING_S_PER_MM3 * volume_mm3 + FINISHING_S_PER_MM2 * surface_mm2 * complexity;
    Estimate { volume_mm3, surface_mm2, complexity, production_s }
}

/// The mean of two numbers that are 1 for a sphere and more for all else: how much more surface the piece has
/// than a sphere of the same volume, and how much more it bends than a sphere of the same surface.
fn complexity(volume_mm3: f64, surface_mm2: f64, bend_mm: f64) -> f64 {
    let surface_of_sphere = (36.0 * PI * volume_mm3 * volume_mm3).cbrt();
    let bend_of_sphere = (4.0 * PI * surface_mm2).sqrt();
    (surface_mm2 / surface_of_sphere + bend_mm / bend_of_sphere) / 2.0
}

/// How much the surface bends, mm: half the sum of length × angle of all edges. For a fine mesh that is the
/// integral of the mean curvature, except that dents count like bumps.
fn bend_mm(mesh: &Mesh, progress: &mut Progress<'_>) -> f64 {
    let mut bend_mm = 0.0;
    // Edges seen from one side so far, with the normal there.
    let mut open: HashMap<(u32, u32), DVec3> = HashMap::with_capacity(mesh.triangle_count());
    for (done, (triangle, [a, b, c])) in mesh.triangles().iter().zip(mesh.corners()).enumerate() {
        let normal = (b - a).cross(c - a).normalize_or_zero();
        let [i, j, k] = *triangle;
        for ((from, start), (to, end)) in [((i, a), (j, b)), ((j, b), (k, c)), ((k, c), (i, a))] {
            let edge = (from.min(to), from.max(to));
            match open.remove(&edge) {
                Some(beside) => bend_mm += start.distance(end) * angle(normal, beside) / 2.0,
                None => drop(open.insert(edge, normal)),
            }
        }
        progress.step((0.0, 1.0), done, mesh.triangle_count());
    }
    bend_mm
}

/// The angle between two unit normals, 0 to π; 0 if one is zero, as for a triangle without area.
fn angle(one: DVec3, other: DVec3) -> f64 {
    one.cross(other).length().atan2(one.dot(other))
}

/// Time that each piece takes, whatever it is: print preparation, mould, assay mark. Like all figures here a
/// sample.
const SETUP_S: f64 = 2_400.0;

/// Printing the wax and casting.
const CASTING_S_PER_MM3: f64 = 1.5;

/// Grinding and polishing a plain surface.
const FINISHING_S_PER_MM2: f64 = 2.0;

#[cfg(test)]
mod tests {
    use journey_testkit::models;

    use super::super::{simplify, stl};
    use super::*;

    fn load(file: &[u8]) -> Mesh {
        stl::load(file).expect("a generated model is valid")
    }

    #[track_caller]
    fn assert_within(found: f64, expected: f64, tolerance: f64) {
        assert!((found / expected - 1.0).abs() <= tolerance, "{found} is not {expected} ± {tolerance}");
    }

    /// Scenario: a sphere, a cube and a ring are measured.
    /// Guarantees: complexity is 1 for the sphere, as calculated for the cube, and more for the ring.
    #[test]
    fn complexity_of_known_bodies() {
        let complexity = |file: &[u8]| estimate(&load(file), &mut |_| ()).complexity;
        let sphere = simplify(load(&models::sphere(20_000)), &mut |_| ());
        assert_within(estimate(&sphere, &mut |_| ()).complexity, 1.0, 0.05);
        // The coarsest sphere is a cube.
        let (surface, bend) = (6.0_f64, 12.0 * PI / 4.0);
        let cube = (surface / (36.0 * PI).cbrt() + bend / (4.0 * PI * surface).sqrt()) / 2.0;
        assert_within(complexity(&models::sphere(12)), cube, 1e-6);
        assert!((1.8..2.5).contains(&complexity(&models::torus(20_000))));
    }

    /// Scenario: a model is estimated before and after its simplification.
    /// Guarantees: the volume is within 1 % of the formula, and the production time changes by less than 10
    /// %.
    #[test]
    fn simplification_hardly_matters() {
        let before = load(&models::torus(20_000));
        let [before, after] =
            [before.clone(), simplify(before, &mut |_| ())].map(|mesh| estimate(&mesh, &mut |_| ()));
        assert_within(after.volume_mm3, models::TORUS_VOLUME_MM3, 0.01);
        assert_within(after.production_s, before.production_s, 0.1);
    }

    /// Scenario: a model is estimated.
    /// Guarantees: progress only grows and ends at 1.
    #[test]
    fn progress_ends_at_one() {
        let mut reports = Vec::new();
        estimate(&load(&models::sphere(5_000)), &mut |done| reports.push(done));
        assert!(reports.is_sorted_by(|earlier, later| earlier < later) && reports.len() > 50, "{reports:?}");
        assert_eq!(reports.last(), Some(&1.0));
    }
}
