//! Fewer triangles with the same shape: a mesh goes in, one with [`TRIANGLES_KEPT`] of its triangles comes
//! out.
//!
//! Edges are collapsed one by one, the one that changes the shape least first, as told by quadric error
//! metrics (Garland and Heckbert, SIGGRAPH 1997). The new corner is chosen among those that keep the enclosed
//! volume, so a closed mesh has the same volume afterwards, however few triangles remain; the price depends
//! on it. Published crates for this neither promise the volume nor tell how far they are, so it is our own.
//!
//! Bounds: each collapse removes at least a triangle and adds as many candidates as its corner has edges, at
//! most twice [`rating::FAN_MAX`]. The order is total, so the same mesh gives the same result on each
//! attempt.

mod candidate;
mod quadric;
mod rating;
mod surface;

use std::collections::BinaryHeap;

use self::candidate::Candidate;
use self::surface::Surface;
use super::mesh::Mesh;
use super::progress::Progress;

/// Part of the triangles that is left.
pub(crate) const TRIANGLES_KEPT: f64 = 0.2;

/// A mesh keeps at least this many triangles; one with as few is not worth the work.
pub(crate) const TRIANGLES_MIN: usize = 20;

/// Collapses edges until [`TRIANGLES_KEPT`] of the triangles are left, or [`TRIANGLES_MIN`] of them.
///
/// A surface that is torn or passes through itself may keep more: an edge is left alone if its collapse would
/// turn a triangle over or glue parts together that only touch.
pub(crate) fn simplify(mesh: Mesh, report: &mut dyn FnMut(f64)) -> Mesh {
    let target = ((mesh.triangle_count() as f64 * TRIANGLES_KEPT) as usize).max(TRIANGLES_MIN);
    let mut progress = Progress::new(report);
    let mut surface = Surface::new(mesh);
    let mut candidates = candidates(&surface, &mut progress);
    let excess = surface.triangle_count().saturating_sub(target);
    while surface.triangle_count() > target {
        let Some(candidate) = candidates.pop() else { break };
        if candidate.is_current(&surface) && try_collapse(&mut surface, candidate.edge) {
            let [kept, _] = candidate.edge;
            let neighbours = surface.neighbours(kept);
            candidates.extend(neighbours.into_iter().filter_map(|end| Candidate::new(&surface, [kept, end])));
            let done = (excess + target).saturating_sub(surface.triangle_count());
            progress.step(COLLAPSING, done, excess);
        }
    }
    let mesh = surface.into_mesh();
    progress.finish();
    mesh
}

/// Collapses an edge unless that would harm the surface; says whether it did.
fn try_collapse(surface: &mut Surface, edge: [u32; 2]) -> bool {
    // Corners around may have moved since the edge was rated. That hardly changes what it costs, but where
    // the new corner keeps the volume.
    let Some(rating) = rating::rate(surface, edge) else { return false };
    let harmless = rating::keeps_surface(surface, edge) && rating::keeps_sides(surface, edge, rating.at);
    if harmless {
        surface.collapse(edge, rating.at);
    }
    harmless
}

/// A candidate for each edge that may be collapsed.
fn candidates(surface: &Surface, progress: &mut Progress<'_>) -> BinaryHeap<Candidate> {
    let edges = surface.edges();
    let candidate = |(done, edge)| {
        progress.step(RATING, done, edges.len());
        Candidate::new(surface, edge)
    };
    edges.iter().copied().enumerate().filter_map(candidate).collect()
}

/// Part of the whole work that is spent on the first look at each edge.
const RATING: (f64, f64) = (0.0, 0.3);

/// The rest.
const COLLAPSING: (f64, f64) = (0.3, 1.0);

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use glam::{DVec2, DVec3};
    use journey_testkit::models;

    use super::super::mesh::MeshBuilder;
    use super::super::stl;
    use super::*;

    /// Simplifies a file and checks what holds for each: size, volume, progress. Gives the mesh before and
    /// after.
    #[track_caller]
    fn check(file: &[u8]) -> (Mesh, Mesh) {
        let before = stl::load(file).expect("a generated model is valid");
        let mut reports = Vec::new();
        let after = simplify(before.clone(), &mut |done| reports.push(done));
        assert!(after.triangle_count() as f64 <= before.triangle_count() as f64 * TRIANGLES_KEPT);
        let volume = after.volume_mm3() / before.volume_mm3();
        assert!((volume - 1.0).abs() < 1e-6, "volume became {volume} of what it was");
        assert!(reports.is_sorted_by(|earlier, later| earlier < later), "{reports:?}");
        assert_eq!(reports.last(), Some(&1.0));
        (before, after)
    }

    /// Scenario: spheres and tori from a few hundred to some ten thousand triangles are simplified.
    /// Guarantees: at most 20 % of the triangles are left; the volume stays, the surface nearly; progress
    /// only grows and ends at 1; the result can be written and loaded again.
    #[test]
    fn shape_is_kept() {
        for triangles in [300, 1_000, 5_000, 50_000, 300_000] {
            for file in [models::sphere(triangles), models::torus(triangles)] {
                let (before, after) = check(&file);
                let surface = after.surface_mm2() / before.surface_mm2();
                // A ring of 60 triangles has edges where it had a round tube.
                let tolerance = if triangles < 5_000 { 0.2 } else { 0.01 };
                assert!((surface - 1.0).abs() < tolerance, "surface became {surface} of what it was");
                let again = stl::load(&stl::write(&after)).expect("a simplified mesh is valid");
                assert_eq!(again.triangle_count(), after.triangle_count());
            }
        }
    }

    /// Scenario: a large model is simplified with a callback that is counted.
    /// Guarantees: reports come often enough to see that it goes on, and not for each of the many steps.
    #[test]
    fn progress_is_reported_about_a_hundred_times() {
        let mesh = stl::load(&models::sphere(20_000)).expect("a generated model is valid");
        let mut reports = 0;
        simplify(mesh, &mut |_| reports += 1);
        assert!((50..=101).contains(&reports), "{reports} reports");
    }

    /// Scenario: a block whose sides are cut into many flat triangles is simplified.
    /// Guarantees: the surface is as large as before, so all edges and corners are where they were.
    #[test]
    fn creases_are_kept() {
        let mut builder = MeshBuilder::default();
        let n: u8 = 10;
        for (axis, side) in (0..3).flat_map(|axis| [(axis, 0), (axis, n)]) {
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let corner = |di: u8, dj: u8| {
                    let mut corner = [side, i + di, j + dj].map(f32::from);
                    corner.rotate_right(axis);
                    corner
                };
                let square = [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)];
                let [a, b, c, d] = square;
                let triangles = if side == 0 { [[a, c, b], [a, d, c]] } else { [[a, b, c], [a, c, d]] };
                triangles.into_iter().for_each(|triangle| builder.push(triangle));
            }
        }
        let (before, after) = check(&stl::write(&builder.finish()));
        let surface = after.surface_mm2() / before.surface_mm2();
        assert!((surface - 1.0).abs() < 1e-4, "surface became {surface} of what it was");
    }

    /// Scenario: meshes that are no proper surface are simplified: a sphere that lacks most of its triangles,
    /// one whose triangles touch nowhere, and one that is there twice.
    /// Guarantees: each comes to an end and has no more triangles than before.
    #[test]
    fn broken_surfaces_are_survived() {
        let sphere = stl::load(&models::sphere(1_200)).expect("a generated model is valid");
        let (places, triangles) = (sphere.vertices().to_vec(), sphere.triangles());
        let torn = triangles.iter().step_by(3).copied().collect();
        let twice = triangles.iter().chain(triangles).copied().collect();
        let loose = (0..1_200).map(|i| [i * 3, i * 3 + 1, i * 3 + 2]).collect();
        let meshes = [
            Mesh::new(places.clone(), torn),
            Mesh::new(places, twice),
            Mesh::new(sphere.corners().flatten().collect(), loose),
        ];
        for mesh in meshes {
            let before = mesh.triangle_count();
            let mut last = 0.0;
            let after = simplify(mesh, &mut |done| last = done);
            assert!(after.triangle_count() <= before);
            assert_eq!(last, 1.0);
        }
    }

    /// Scenario: two cones on one rim are simplified, with far more triangles around their tips than an end
    /// of a collapsed edge may have.
    /// Guarantees: they shrink from the rim, with the same volume.
    #[test]
    fn large_fans_shrink_from_their_rim() {
        let n = 4 * rating::FAN_MAX as u32;
        let rim = (0..n).map(|i| DVec2::from_angle(f64::from(i) / f64::from(n) * TAU).extend(0.0));
        let vertices = [DVec3::Z, -DVec3::Z].into_iter().chain(rim).collect();
        let side = |i| [[0, i + 2, (i + 1) % n + 2], [1, (i + 1) % n + 2, i + 2]];
        check(&stl::write(&Mesh::new(vertices, (0..n).flat_map(side).collect())));
    }

    /// Scenario: a block of 12 triangles is simplified, and an empty mesh.
    /// Guarantees: both stay as they are, and the work is reported as done.
    #[test]
    fn small_meshes_stay() {
        let block = stl::load(&models::sphere(12)).expect("a generated model is valid");
        for mesh in [block, Mesh::default()] {
            let mut last = 0.0;
            let after = simplify(mesh.clone(), &mut |done| last = done);
            assert_eq!((after.triangle_count(), last), (mesh.triangle_count(), 1.0));
        }
    }
}
