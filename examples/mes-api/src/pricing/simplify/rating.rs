//! What the collapse of an edge would do to a surface: where the new corner goes, what it costs, and whether
//! it may be.

use glam::DVec3;

use super::surface::Surface;

/// Most triangles around a corner of an edge that is collapsed. Larger fans, like the lid of a fine cylinder,
/// shrink from their rim; without the bound, a cone of a million triangles would take a million looks at each
/// of them.
pub(super) const FAN_MAX: usize = 256;

/// The best that the collapse of an edge can be.
pub(super) struct Rating {
    /// Where the new corner would be, mm.
    pub(super) at: DVec3,
    /// The error it makes; only good for comparing.
    pub(super) cost: f64,
}

/// Rates an edge; `None` if an end has too large a fan, or none any more.
///
/// The volume between the triangles around the edge and any fixed point is a linear function of where the new
/// corner is. So all places that keep the volume are a plane, and the new corner is the point of it that is
/// next to the best place.
pub(super) fn rate(surface: &Surface, edge: [u32; 2]) -> Option<Rating> {
    if edge.iter().any(|end| !(1..=FAN_MAX).contains(&surface.fan_len(*end))) {
        return None;
    }
    let [start, end] = edge.map(|vertex| surface.position(vertex));
    let middle = (start + end) / 2.0;
    let (mut normal, mut volume, mut size) = (DVec3::ZERO, 0.0, 0.0);
    for triangle in edge.iter().flat_map(|end| surface.fan(*end)) {
        let [place, next, last] = triangle.map(|corner| surface.position(corner) - middle);
        let cross = next.cross(last);
        size += cross.length();
        if is_lost(triangle, edge) {
            // It is met from both ends.
            volume += place.dot(cross) / 2.0;
        } else {
            volume += place.dot(cross);
            normal += cross;
        }
    }
    let quadric = surface.quadric(edge);
    let best = quadric.best_place(middle);
    // For a single tetrahedron, say, no volume depends on the place: there is none to keep.
    let has_plane = normal.length() > NORMAL_MIN * size;
    let height = if has_plane { (volume - normal.dot(best - middle)) / normal.length_squared() } else { 0.0 };
    let at = best + normal * height;
    // Of two equal errors, as on flat parts, the shorter edge goes first: it leaves the rounder triangles.
    let cost = quadric.error(at) + quadric.pull() * start.distance_squared(end);
    at.is_finite().then_some(Rating { at, cost })
}

/// Whether the surface is as closed and as whole after the collapse of an edge as before.
///
/// The ends may have no neighbours in common but the third corners of their triangles, else parts are glued
/// together that only touch; and no two triangles may become each other's back, as those of a tetrahedron
/// would.
pub(super) fn keeps_surface(surface: &Surface, edge: [u32; 2]) -> bool {
    let [of_kept, of_gone] = edge.map(|end| surface.neighbours(end));
    let common: Vec<u32> =
        of_kept.iter().filter(|corner| of_gone.binary_search(corner).is_ok()).copied().collect();
    let lost = surface.fan(edge[0]).filter(|triangle| is_lost(*triangle, edge)).count();
    let on_rim = of_kept.len() > surface.fan_len(edge[0]) && of_gone.len() > surface.fan_len(edge[1]);
    let closes =
        |end: u32| surface.fan(end).any(|[_, next, last]| common.contains(&next) && common.contains(&last));
    common.len() == lost && (lost == 1 || lost == 2 && !on_rim) && !edge.iter().all(|end| closes(*end))
}

/// Whether the triangles that stay still face where they did, more or less, when the ends of the edge are at
/// `at`.
pub(super) fn keeps_sides(surface: &Surface, edge: [u32; 2], at: DVec3) -> bool {
    let mut staying =
        edge.iter().flat_map(|end| surface.fan(*end)).filter(|triangle| !is_lost(*triangle, edge));
    staying.all(|triangle| {
        let [place, next, last] = triangle.map(|corner| surface.position(corner));
        let side = last - next;
        let (before, after) = (side.cross(place - next), side.cross(at - next));
        before == DVec3::ZERO || before.dot(after) > COSINE_MIN * before.length() * after.length()
    })
}

/// A triangle with both ends of an edge is lost with the edge.
fn is_lost(triangle: [u32; 3], edge: [u32; 2]) -> bool {
    edge.iter().all(|end| triangle.contains(end))
}

/// Least part of the triangles' size that the volume must depend on.
const NORMAL_MIN: f64 = 1e-6;

/// A triangle may turn by about 80 degrees at most.
const COSINE_MIN: f64 = 0.2;
