//! A surface of triangles, and what can be measured on it. Lengths are millimetres, the unit jewellery is
//! drawn in.

use std::collections::HashMap;

use glam::DVec3;

/// Triangles that share their corners: two triangles touch if they name the same vertex.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Mesh {
    vertices: Vec<DVec3>,
    triangles: Vec<[u32; 3]>,
}

impl Mesh {
    /// A mesh of these triangles, each with the places of its three corners in `vertices`.
    pub(super) fn new(vertices: Vec<DVec3>, triangles: Vec<[u32; 3]>) -> Self {
        Self { vertices, triangles }
    }

    /// Number of triangles.
    pub(crate) fn triangle_count(&self) -> usize {
        self.triangles.len()
    }

    /// Where the corners are, mm.
    pub(super) fn vertices(&self) -> &[DVec3] {
        &self.vertices
    }

    /// The triangles as places in [`Mesh::vertices`], counter-clockwise when seen from outside.
    pub(super) fn triangles(&self) -> &[[u32; 3]] {
        &self.triangles
    }

    /// The triangles as corners.
    pub(super) fn corners(&self) -> impl Iterator<Item = [DVec3; 3]> {
        self.triangles.iter().map(|triangle| triangle.map(|vertex| self.vertices[vertex as usize]))
    }

    /// Volume inside of the surface in mm³, by the divergence theorem: each triangle and the middle of the
    /// mesh make a tetrahedron, negative where the triangle faces the middle.
    ///
    /// The sign of the sum only tells in which direction the file turns its triangles, so it is dropped.
    pub(crate) fn volume_mm3(&self) -> f64 {
        let (low, high) = self.bounds_mm();
        let middle = (low + high) / 2.0;
        let six_fold: f64 =
            self.corners().map(|[a, b, c]| (a - middle).dot((b - middle).cross(c - middle))).sum();
        (six_fold / 6.0).abs()
    }

    /// Size of the opening in the surface, mm²; 0 for a closed one, as its triangles face all directions
    /// alike.
    ///
    /// The volume is known up to a third of this for each mm that the middle may be elsewhere. Openings that
    /// face each other, like the ends of a tube, hide each other, and leave the volume as sure.
    pub(super) fn opening_mm2(&self) -> f64 {
        self.corners().map(|[a, b, c]| (b - a).cross(c - a) / 2.0).sum::<DVec3>().length()
    }

    /// Area of all triangles in mm².
    pub(crate) fn surface_mm2(&self) -> f64 {
        self.corners().map(|[a, b, c]| (b - a).cross(c - a).length() / 2.0).sum()
    }

    /// The lowest and the highest corner of the smallest box around the mesh, mm; both zero for an empty
    /// mesh.
    pub(crate) fn bounds_mm(&self) -> (DVec3, DVec3) {
        let first = self.vertices.first().copied().unwrap_or_default();
        self.vertices.iter().fold((first, first), |(low, high), vertex| (low.min(*vertex), high.max(*vertex)))
    }
}

/// Joins triangles that arrive one by one, each with its own copy of its corners, as STL stores them.
#[derive(Default)]
pub(super) struct MeshBuilder {
    mesh: Mesh,
    places: HashMap<[u32; 3], u32>,
}

impl MeshBuilder {
    /// Adds a triangle, unless two of its corners are the same: a line has no surface.
    ///
    /// Corners are merged only if they are equal to the bit, which is how modelling programs write a closed
    /// surface.
    pub(super) fn push(&mut self, corners: [[f32; 3]; 3]) {
        let [a, b, c] = corners.map(|corner| self.place(corner));
        if a != b && b != c && c != a {
            self.mesh.triangles.push([a, b, c]);
        }
    }

    /// The mesh of all triangles so far.
    pub(super) fn finish(self) -> Mesh {
        self.mesh
    }

    fn place(&mut self, corner: [f32; 3]) -> u32 {
        // The sum turns -0.0 into 0.0, which has other bits and is the same place.
        let key = corner.map(|coordinate| (coordinate + 0.0).to_bits());
        *self.places.entry(key).or_insert_with(|| {
            self.mesh.vertices.push(DVec3::from_array(corner.map(f64::from)));
            self.mesh.vertices.len() as u32 - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use journey_testkit::models;

    use super::super::stl;
    use super::*;

    #[track_caller]
    fn assert_within(found: f64, expected: f64, tolerance: f64) {
        assert!((found / expected - 1.0).abs() <= tolerance, "{found} is not {expected} ± {tolerance}");
    }

    /// Scenario: a generated sphere and a generated torus are measured.
    /// Guarantees: volume and surface are within 1 % of the formula.
    #[test]
    fn sphere_and_torus_match_their_formulas() {
        let sphere = stl::load(&models::sphere(5_000)).expect("a generated model is valid");
        assert_within(sphere.volume_mm3(), models::SPHERE_VOLUME_MM3, 0.01);
        assert_within(sphere.surface_mm2(), models::SPHERE_SURFACE_MM2, 0.01);
        let torus = stl::load(&models::torus(5_000)).expect("a generated model is valid");
        assert_within(torus.volume_mm3(), models::TORUS_VOLUME_MM3, 0.01);
        assert_within(torus.surface_mm2(), models::TORUS_SURFACE_MM2, 0.01);
    }

    /// Scenario: a tetrahedron comes as four loose triangles, one corner once with a negative zero, and a
    /// line.
    /// Guarantees: it has four vertices, the volume is exact, and the line is left out.
    #[test]
    fn corners_are_merged() {
        let [o, x, y, z] = [[0.0; 3], [6.0, 0.0, 0.0], [0.0, 6.0, 0.0], [0.0, 0.0, 6.0]];
        let mut builder = MeshBuilder::default();
        for triangle in [[o, y, x], [o, x, z], [[-0.0, 0.0, -0.0], z, y], [x, y, z], [x, x, z]] {
            builder.push(triangle);
        }
        let mesh = builder.finish();
        assert_eq!((mesh.vertices().len(), mesh.triangle_count()), (4, 4));
        assert_eq!(mesh.bounds_mm(), (DVec3::ZERO, DVec3::splat(6.0)));
        assert_within(mesh.volume_mm3(), 36.0, 1e-12);
    }
}
