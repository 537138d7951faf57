//! STL files, binary and ASCII: bytes come in, a [`Mesh`] or the reason why not goes out.
//!
//! Bounds: [`TRIANGLES_MAX`] triangles; memory grows with the bytes that are there, never with the count that a header
//! claims. Normals and attribute bytes are ignored, as the corners say it all. The reader is our own because of the
//! habits of modelling programs that [`stl_head`] tells, and ASCII files with an unnamed solid or a
//! normal that is no number.

use thiserror::Error;

use super::mesh::{Mesh, MeshBuilder};
use super::stl_head::{self, Format, HEADER_BYTES, NotStl, RECORD_BYTES, TRIANGLES_MAX};

/// Why a file cannot be priced. The text is meant for the person who uploaded it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum StlError {
    /// The first look says so already.
    #[error(transparent)]
    NotStl(#[from] NotStl),
    /// The surface encloses nothing, like a sheet without thickness.
    #[error("the surface encloses no volume")]
    NoVolume,
    /// A coordinate is infinite or not a number.
    #[error("triangle {triangle} has a coordinate that is not a finite number")]
    NotFinite {
        /// Place of the triangle in the file, from 1.
        triangle: u64,
    },
    /// The surface is open, so wide that the volume behind it is a guess.
    #[error("the surface is not closed, so it has no definite volume")]
    Open,
    /// A line of an ASCII file is not what the format allows there.
    #[error("line {line}: expected {expected}")]
    Syntax {
        /// Number of the line, from 1.
        line: u64,
        /// What the format wants there.
        expected: &'static str,
    },
    /// An ASCII file ends without `endsolid`.
    #[error("the file is truncated: it ends at line {line} without `endsolid`")]
    TruncatedText {
        /// Number of the last line.
        line: u64,
    },
}

/// Reads a whole file and merges the corners of its triangles.
///
/// # Errors
///
/// Any [`StlError`].
pub(crate) fn load(bytes: &[u8]) -> Result<Mesh, StlError> {
    let mesh = match Format::detect(bytes, bytes.len() as u64)? {
        Format::Ascii => read_ascii(bytes)?,
        Format::Binary => read_binary(bytes)?,
    };
    if mesh.triangle_count() == 0 {
        return Err(NotStl::NoTriangles.into());
    }
    let volume_mm3 = mesh.volume_mm3();
    let (low, high) = mesh.bounds_mm();
    if volume_mm3 <= VOLUME_TO_SURFACE_MIN * mesh.surface_mm2().powf(1.5) {
        return Err(StlError::NoVolume);
    }
    if mesh.opening_mm2() * low.distance(high) / 3.0 > VOLUME_DOUBT_MAX * volume_mm3 {
        return Err(StlError::Open);
    }
    Ok(mesh)
}

/// The mesh as a binary STL file. Coordinates are rounded to the 32 bits of the format; normals are left to
/// the reader.
pub(crate) fn write(mesh: &Mesh) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes.reserve(4 + mesh.triangle_count() * RECORD_BYTES);
    bytes.extend_from_slice(&(mesh.triangle_count() as u32).to_le_bytes());
    for corners in mesh.corners() {
        bytes.extend_from_slice(&[0; NORMAL_BYTES]);
        for coordinate in corners.iter().flat_map(|corner| corner.to_array()) {
            bytes.extend_from_slice(&(coordinate as f32).to_le_bytes());
        }
        bytes.extend_from_slice(&[0; 2]);
    }
    bytes
}

fn read_binary(bytes: &[u8]) -> Result<Mesh, StlError> {
    let mut mesh = MeshBuilder::default();
    let triangles = stl_head::announced(bytes).ok_or(NotStl::Unknown)?;
    let (records, _) = bytes[HEADER_BYTES + 4..].as_chunks::<RECORD_BYTES>();
    for (place, record) in (1..=triangles).zip(records) {
        let (numbers, _) = record[NORMAL_BYTES..].as_chunks::<4>();
        let number = |at: usize| f32::from_le_bytes(numbers[at]);
        let corners = [0, 3, 6].map(|at| [number(at), number(at + 1), number(at + 2)]);
        push(&mut mesh, corners, place)?;
    }
    Ok(mesh.finish())
}

fn push(mesh: &mut MeshBuilder, corners: [[f32; 3]; 3], triangle: u64) -> Result<(), StlError> {
    if triangle > TRIANGLES_MAX {
        return Err(NotStl::TooManyTriangles.into());
    }
    if corners.as_flattened().iter().any(|coordinate| !coordinate.is_finite()) {
        return Err(StlError::NotFinite { triangle });
    }
    mesh.push(corners);
    Ok(())
}

/// One keyword per line decides; indentation, names and normals are free.
fn read_ascii(bytes: &[u8]) -> Result<Mesh, StlError> {
    let mut mesh = MeshBuilder::default();
    let mut corners: Vec<[f32; 3]> = Vec::with_capacity(3);
    let mut triangles = 0;
    let mut ended = false;
    let mut line = 0;
    for text in bytes.split(|byte| *byte == b'\n') {
        line += 1;
        let text = String::from_utf8_lossy(text);
        let mut words = text.split_ascii_whitespace();
        match words.next().map(str::to_ascii_lowercase).as_deref() {
            None | Some("outer" | "endloop") => {}
            Some("solid") => ended = false,
            Some("endsolid") => ended = true,
            Some("facet") => corners.clear(),
            Some("vertex") if corners.len() < 3 => corners.push(coordinates(words, line)?),
            Some("endfacet") => {
                triangles += 1;
                let corners = corners.as_slice().try_into();
                let corners =
                    corners.map_err(|_| StlError::Syntax { line, expected: "three vertices before it" })?;
                push(&mut mesh, corners, triangles)?;
            }
            Some(_) => return Err(StlError::Syntax { line, expected: "a keyword of a triangle" }),
        }
    }
    if ended { Ok(mesh.finish()) } else { Err(StlError::TruncatedText { line }) }
}

fn coordinates<'a>(mut words: impl Iterator<Item = &'a str>, line: u64) -> Result<[f32; 3], StlError> {
    let mut number = || words.next()?.parse().ok();
    match [number(), number(), number()] {
        [Some(x), Some(y), Some(z)] => Ok([x, y, z]),
        _ => Err(StlError::Syntax { line, expected: "three numbers" }),
    }
}

const NORMAL_BYTES: usize = 12;

/// Least volume for the 1.5th power of the surface, both of which have the unit mm³. A sheet of 1 cm² that is
/// as thin as a gold leaf reaches fifty times as much.
const VOLUME_TO_SURFACE_MIN: f64 = 1e-7;

/// Largest part of the volume that may be a matter of opinion. Modelling programs leave small cracks, which
/// do not matter.
const VOLUME_DOUBT_MAX: f64 = 0.02;

#[cfg(test)]
mod tests {
    use journey_testkit::models;

    use super::super::stl_head::Glimpse;
    use super::*;

    /// A file of one triangle with this as its first coordinate.
    fn single(x: f32) -> Vec<u8> {
        let mut file = models::sphere(300)[..HEADER_BYTES + 4 + RECORD_BYTES].to_vec();
        file[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&1_u32.to_le_bytes());
        file[HEADER_BYTES + 4 + NORMAL_BYTES..][..4].copy_from_slice(&x.to_le_bytes());
        file
    }

    /// A triangle and its back.
    fn sheet() -> Vec<u8> {
        let [front, back] = ["0 0 0\nvertex 1 0 0\nvertex 0 1 0", "0 0 0\nvertex 0 1 0\nvertex 1 0 0"]
            .map(|corners| format!("facet\nvertex {corners}\nendfacet\n"));
        format!("solid\n{front}{back}endsolid").into_bytes()
    }

    /// Scenario: a model is loaded from its binary file, from that file with `solid` in the header, from its
    /// ASCII file, from that in upper case with Windows line ends and without a name, and from what `write`
    /// makes of it.
    /// Guarantees: all are the same mesh, and pass at the first look.
    #[test]
    fn all_spellings_are_the_same_mesh() {
        let binary = models::torus(300);
        let mut solid = binary.clone();
        solid[..HEADER_BYTES].fill(b' ');
        solid[..10].copy_from_slice(b"solid ring");
        let ascii = models::ascii(&binary);
        let text = String::from_utf8_lossy(&ascii).to_uppercase().replace('\n', "\r\n");
        let (_, nameless) = text.split_once("\r\n").expect("the first line names the solid");
        let mesh = load(&binary).expect("a generated model is valid");
        for file in [solid, format!("SOLID\r\n{nameless}").into_bytes(), ascii, write(&mesh)] {
            assert_eq!(load(&file), Ok(mesh.clone()));
            let mut glimpse = Glimpse::default();
            glimpse.see(&file);
            assert!(glimpse.check().is_ok());
        }
    }

    /// Scenario: files with a good head have numbers that are none, or hold nothing solid; texts end early or
    /// say something else.
    /// Guarantees: each gets its reason, in ASCII with the line.
    #[test]
    fn broken_bodies_are_named() {
        let ascii = models::ascii(&models::sphere(300));
        let half = String::from_utf8_lossy(&ascii).lines().take(1_000).collect::<Vec<_>>().join("\n");
        let syntax = |line, expected| StlError::Syntax { line, expected };
        let cases = [
            (single(f32::NAN), StlError::NotFinite { triangle: 1 }),
            (single(f32::INFINITY), StlError::NotFinite { triangle: 1 }),
            (single(1.0), StlError::Open),
            (sheet(), StlError::NoVolume),
            (b"solid nothing\nendsolid nothing".to_vec(), NotStl::NoTriangles.into()),
            (Vec::new(), NotStl::Empty.into()),
            (half.into_bytes(), StlError::TruncatedText { line: 1_000 }),
            (b"solid a\nfacet\nvertex 0 0 zero".to_vec(), syntax(3, "three numbers")),
            (b"solid a\nfacet\nvertex 0 0 0\nendfacet".to_vec(), syntax(4, "three vertices before it")),
            (b"solid a\n<html>".to_vec(), syntax(2, "a keyword of a triangle")),
            (
                b"solid a\n"
                    .iter()
                    .chain(&b"vertex 0 0 nan\n".repeat(3))
                    .chain(b"endfacet")
                    .copied()
                    .collect(),
                StlError::NotFinite { triangle: 1 },
            ),
        ];
        for (file, reason) in cases {
            assert_eq!(load(&file), Err(reason));
        }
    }
}
