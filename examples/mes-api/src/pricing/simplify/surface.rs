//! A mesh that can be changed: who touches whom, and what follows when an edge collapses.

use glam::DVec3;

use super::super::mesh::Mesh;
use super::quadric::Quadric;

/// Triangles and corners during the simplification. Those that are gone keep their places until the end.
pub(super) struct Surface {
    vertices: Vec<Vertex>,
    positions: Vec<DVec3>,
    triangles: Vec<[u32; 3]>,
    /// Whether the triangle of the same place still exists.
    alive: Vec<bool>,
    alive_count: usize,
}

#[derive(Clone)]
struct Vertex {
    quadric: Quadric,
    /// The triangles around it, some of which may be gone.
    fan: Vec<u32>,
    /// How many of `fan` are not.
    fan_alive: usize,
    /// Number of collapses that it was part of.
    version: u32,
}

impl Surface {
    /// The mesh with each triangle's plane known to its corners, and the rims of holes held by upright
    /// planes.
    pub(super) fn new(mesh: Mesh) -> Self {
        let positions = mesh.vertices().to_vec();
        let triangles = mesh.triangles().to_vec();
        let mut surface = Self {
            vertices: vec![
                Vertex { quadric: Quadric::ZERO, fan: Vec::new(), fan_alive: 0, version: 0 };
                positions.len()
            ],
            alive: vec![true; triangles.len()],
            alive_count: triangles.len(),
            positions,
            triangles,
        };
        for triangle in 0..surface.triangles.len() {
            surface.meet(triangle as u32);
        }
        surface.hold_rims();
        surface
    }

    /// Number of triangles that are left.
    pub(super) fn triangle_count(&self) -> usize {
        self.alive_count
    }

    /// The versions of both ends; one changes with each collapse that its corner is part of.
    pub(super) fn versions(&self, edge: [u32; 2]) -> [u32; 2] {
        edge.map(|vertex| self.vertices[vertex as usize].version)
    }

    /// Each edge once, sorted.
    pub(super) fn edges(&self) -> Vec<[u32; 2]> {
        let mut edges = self.edges_of_triangles();
        edges.dedup();
        edges
    }

    /// The corners that share an edge with this one, each once, sorted.
    pub(super) fn neighbours(&self, vertex: u32) -> Vec<u32> {
        let mut neighbours: Vec<u32> = self.fan(vertex).flat_map(|[_, next, last]| [next, last]).collect();
        neighbours.sort_unstable();
        neighbours.dedup();
        neighbours
    }

    /// Where a corner is, mm.
    pub(super) fn position(&self, vertex: u32) -> DVec3 {
        self.positions[vertex as usize]
    }

    /// How far a place is from the planes that both ends stand for.
    pub(super) fn quadric(&self, [kept, gone]: [u32; 2]) -> Quadric {
        self.vertices[kept as usize].quadric + self.vertices[gone as usize].quadric
    }

    /// Number of triangles around a corner.
    pub(super) fn fan_len(&self, vertex: u32) -> usize {
        self.vertices[vertex as usize].fan_alive
    }

    /// The triangles around a corner, each turned so that the corner comes first.
    pub(super) fn fan(&self, vertex: u32) -> impl Iterator<Item = [u32; 3]> {
        let fan = self.vertices[vertex as usize].fan.iter();
        fan.filter(|triangle| self.alive[**triangle as usize]).map(move |triangle| {
            match self.triangles[*triangle as usize] {
                [a, b, c] if b == vertex => [b, c, a],
                [a, b, c] if c == vertex => [c, a, b],
                corners => corners,
            }
        })
    }

    /// Joins both ends of an edge into the first, moves that to `at`, and removes the triangles that had
    /// both.
    pub(super) fn collapse(&mut self, [kept, gone]: [u32; 2], at: DVec3) {
        for triangle in std::mem::take(&mut self.vertices[gone as usize].fan) {
            let corners = &mut self.triangles[triangle as usize];
            if !self.alive[triangle as usize] {
                continue;
            }
            if corners.contains(&kept) {
                self.remove(triangle);
            } else {
                *corners = corners.map(|corner| if corner == gone { kept } else { corner });
                self.vertices[kept as usize].fan.push(triangle);
                self.vertices[kept as usize].fan_alive += 1;
            }
        }
        let quadric = self.quadric([kept, gone]);
        self.vertices[gone as usize].fan_alive = 0;
        for vertex in [kept, gone] {
            self.vertices[vertex as usize].version += 1;
            self.vertices[vertex as usize].quadric = quadric;
            self.positions[vertex as usize] = at;
        }
    }

    /// What is left, without gaps.
    pub(super) fn into_mesh(self) -> Mesh {
        let mut places = vec![None; self.positions.len()];
        let mut vertices = Vec::new();
        let left = self.triangles.into_iter().zip(self.alive).filter(|(_, alive)| *alive);
        let triangles = left.map(|(triangle, _)| {
            triangle.map(|vertex| {
                *places[vertex as usize].get_or_insert_with(|| {
                    vertices.push(self.positions[vertex as usize]);
                    vertices.len() as u32 - 1
                })
            })
        });
        let triangles = triangles.collect();
        Mesh::new(vertices, triangles)
    }

    /// Counts a triangle out. A fan is tidied when half of it is gone, which costs a step per triangle on
    /// average.
    fn remove(&mut self, triangle: u32) {
        self.alive[triangle as usize] = false;
        self.alive_count -= 1;
        for corner in self.triangles[triangle as usize] {
            let vertex = &mut self.vertices[corner as usize];
            vertex.fan_alive -= 1;
            if vertex.fan.len() > 2 * vertex.fan_alive {
                vertex.fan.retain(|triangle| self.alive[*triangle as usize]);
            }
        }
    }

    /// Lets the corners of a triangle know it and its plane, weighted with its area.
    fn meet(&mut self, triangle: u32) {
        let corners = self.triangles[triangle as usize];
        let [a, b, c] = corners.map(|corner| self.position(corner));
        let cross = (b - a).cross(c - a);
        let plane = Quadric::plane(cross.normalize_or_zero(), a, cross.length() / 2.0);
        for corner in corners {
            let vertex = &mut self.vertices[corner as usize];
            vertex.quadric += plane;
            vertex.fan.push(triangle);
            vertex.fan_alive += 1;
        }
    }

    /// Adds a plane to the ends of each edge that has one triangle only, upright on that triangle: moving
    /// along the rim of a hole costs nothing then, moving away from it does.
    fn hold_rims(&mut self) {
        let edges = self.edges_of_triangles();
        for edge in edges.chunk_by(PartialEq::eq).filter(|same| same.len() == 1).map(|same| same[0]) {
            let [start, end] = edge.map(|vertex| self.position(vertex));
            let beside = self.fan(edge[0]).find(|corners| corners.contains(&edge[1]));
            let [a, b, c] = beside.unwrap_or([edge[0]; 3]).map(|corner| self.position(corner));
            let upright = (b - a).cross(c - a).cross(end - start).normalize_or_zero();
            let plane = Quadric::plane(upright, start, start.distance_squared(end));
            for vertex in edge {
                self.vertices[vertex as usize].quadric += plane;
            }
        }
    }

    /// The edges of all triangles, sorted: an inner edge is there twice, the rim of a hole once.
    fn edges_of_triangles(&self) -> Vec<[u32; 2]> {
        let alive = self.triangles.iter().zip(&self.alive).filter(|(_, alive)| **alive);
        let sides = alive.flat_map(|([a, b, c], _)| [[*a, *b], [*b, *c], [*c, *a]]);
        let mut edges: Vec<[u32; 2]> = sides.map(|[from, to]| [from.min(to), from.max(to)]).collect();
        edges.sort_unstable();
        edges
    }
}
