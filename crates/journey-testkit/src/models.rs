//! Pieces to price: closed surfaces of any number of triangles as STL files, with the exact volume and
//! surface beside.
//!
//! All corners lie on the true surface, so a mesh is a little smaller than its formula: by less than 1 % from
//! 5 000 triangles on. The same arguments give the same bytes.

use std::f64::consts::{FRAC_PI_4, PI, TAU};

/// Radius of [`sphere`], mm.
pub const SPHERE_RADIUS_MM: f64 = 6.0;

/// Volume of the ideal sphere, mm³.
pub const SPHERE_VOLUME_MM3: f64 = 4.0 / 3.0 * PI * SPHERE_RADIUS_MM * SPHERE_RADIUS_MM * SPHERE_RADIUS_MM;

/// Surface of the ideal sphere, mm².
pub const SPHERE_SURFACE_MM2: f64 = 4.0 * PI * SPHERE_RADIUS_MM * SPHERE_RADIUS_MM;

/// Radius of the circle in the middle of the tube of [`torus`], mm: a ring for a finger.
pub const TORUS_RADIUS_MM: f64 = 9.0;

/// Radius of the tube of [`torus`], mm.
pub const TUBE_RADIUS_MM: f64 = 1.5;

/// Volume of the ideal torus, mm³.
pub const TORUS_VOLUME_MM3: f64 = 2.0 * PI * PI * TORUS_RADIUS_MM * TUBE_RADIUS_MM * TUBE_RADIUS_MM;

/// Surface of the ideal torus, mm².
pub const TORUS_SURFACE_MM2: f64 = 4.0 * PI * PI * TORUS_RADIUS_MM * TUBE_RADIUS_MM;

/// A binary STL file of a sphere with at least this many triangles; the number is rounded up to `12 n²`.
///
/// A cube with `n × n` squares per side, blown up: unlike degrees of latitude and longitude this has no poles
/// where triangles become needles.
pub fn sphere(triangles_min: usize) -> Vec<u8> {
    let n = (triangles_min as f64 / 12.0).sqrt().ceil().max(1.0) as i32;
    let mut file = BinaryStl::new("sphere");
    for axis in 0..3 {
        for side in [-n, n] {
            for (i, j) in squares(n) {
                let corner = |di: i32, dj: i32| {
                    // Both sides count from -n to n in steps of two, so that each edge of the cube has one
                    // spelling.
                    let mut grid = [side, 2 * (i + di) - n, 2 * (j + dj) - n];
                    grid.rotate_right(axis);
                    on_sphere(grid, n)
                };
                file.square([corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)], side > 0);
            }
        }
    }
    file.finish()
}

/// A binary STL file of a torus with at least this many triangles, rounded up to a whole number of squares.
pub fn torus(triangles_min: usize) -> Vec<u8> {
    // Along the ring the surface bends six times less than around the tube. Three times longer squares would
    // be ugly, as many as make them square would leave the tube an octagon.
    let around_tube = (triangles_min as f64 / 4.0).sqrt().floor().max(3.0) as i32;
    let around_ring = (triangles_min.div_ceil(2 * around_tube as usize) as i32).max(3);
    let mut file = BinaryStl::new("torus");
    for i in 0..around_ring {
        for j in 0..around_tube {
            let corner = |di: i32, dj: i32| {
                let ring = TAU * f64::from((i + di) % around_ring) / f64::from(around_ring);
                let tube = TAU * f64::from((j + dj) % around_tube) / f64::from(around_tube);
                let radius = TORUS_RADIUS_MM + TUBE_RADIUS_MM * tube.cos();
                [radius * ring.cos(), radius * ring.sin(), TUBE_RADIUS_MM * tube.sin()]
            };
            file.square([corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)], true);
        }
    }
    file.finish()
}

/// The same triangles as an ASCII STL file; numbers are written so that reading gives the same bits.
///
/// # Panics
///
/// If `binary` is no file of [`sphere`] or [`torus`].
pub fn ascii(binary: &[u8]) -> Vec<u8> {
    let (records, rest) = binary[HEADER_BYTES + 4..].as_chunks::<RECORD_BYTES>();
    assert!(rest.is_empty(), "a generated file holds whole triangles");
    let mut text = String::from("solid journey\n");
    for record in records {
        text.push_str("facet normal 0 0 0\n  outer loop\n");
        let (numbers, _) = record[NORMAL_BYTES..].as_chunks::<4>();
        for corner in numbers.chunks_exact(3) {
            let [x, y, z] = [0, 1, 2].map(|at| f32::from_le_bytes(corner[at]));
            text.push_str(&format!("    vertex {x} {y} {z}\n"));
        }
        text.push_str("  endloop\nendfacet\n");
    }
    text.push_str("endsolid journey\n");
    text.into_bytes()
}

fn squares(n: i32) -> impl Iterator<Item = (i32, i32)> {
    (0..n).flat_map(move |i| (0..n).map(move |j| (i, j)))
}

/// The tangent makes the squares in the middle of a side about as large as those at its rim.
fn on_sphere(grid: [i32; 3], n: i32) -> [f64; 3] {
    let cube = grid.map(|coordinate| (FRAC_PI_4 * f64::from(coordinate) / f64::from(n)).tan());
    let length = cube.iter().map(|coordinate| coordinate * coordinate).sum::<f64>().sqrt();
    cube.map(|coordinate| coordinate / length * SPHERE_RADIUS_MM)
}

/// A binary STL file being written.
struct BinaryStl {
    bytes: Vec<u8>,
    triangles: u32,
}

impl BinaryStl {
    fn new(name: &str) -> Self {
        let mut bytes = format!("journey {name}").into_bytes();
        bytes.resize(HEADER_BYTES + 4, 0);
        Self { bytes, triangles: 0 }
    }

    /// Adds two triangles; `outward` says that the corners run counter-clockwise when seen from outside.
    fn square(&mut self, [a, b, c, d]: [[f64; 3]; 4], outward: bool) {
        for [p, q, r] in [[a, b, c], [a, c, d]] {
            self.triangle(if outward { [p, q, r] } else { [p, r, q] });
        }
    }

    /// The normal stays zero, which tells readers to derive it from the order of the corners.
    fn triangle(&mut self, corners: [[f64; 3]; 3]) {
        self.bytes.extend_from_slice(&[0; NORMAL_BYTES]);
        for coordinate in corners.as_flattened() {
            self.bytes.extend_from_slice(&(*coordinate as f32).to_le_bytes());
        }
        self.bytes.extend_from_slice(&[0; 2]);
        self.triangles += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&self.triangles.to_le_bytes());
        self.bytes
    }
}

const HEADER_BYTES: usize = 80;
const NORMAL_BYTES: usize = 12;
const RECORD_BYTES: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn triangles(file: &[u8]) -> usize {
        (file.len() - HEADER_BYTES - 4) / RECORD_BYTES
    }

    /// Scenario: models of many sizes are generated.
    /// Guarantees: they have at least as many triangles as asked for, hardly more, and say so in the header.
    #[test]
    fn sizes_are_as_asked() {
        for asked in [300, 1_000, 20_000, 300_000] {
            for file in [sphere(asked), torus(asked)] {
                let found = triangles(&file);
                assert!((asked..asked * 5 / 4).contains(&found), "{found} for {asked}");
                assert_eq!(file[HEADER_BYTES..HEADER_BYTES + 4], (found as u32).to_le_bytes());
            }
        }
    }

    /// Scenario: the edges of a model are counted, each in its direction.
    /// Guarantees: every edge has exactly one that runs the other way, so the surface is closed.
    #[test]
    fn surfaces_are_closed() {
        for file in [sphere(300), torus(300)] {
            let mut edges = std::collections::HashMap::new();
            let (records, _) = file[HEADER_BYTES + 4..].as_chunks::<RECORD_BYTES>();
            for record in records {
                let corner = |at: usize| &record[NORMAL_BYTES * (at % 3 + 1)..][..NORMAL_BYTES];
                for at in 0..3 {
                    *edges.entry((corner(at), corner(at + 1))).or_insert(0) += 1;
                }
            }
            assert!(
                edges.iter().all(|((from, to), count)| *count == 1 && edges.get(&(*to, *from)) == Some(&1))
            );
        }
    }
}
