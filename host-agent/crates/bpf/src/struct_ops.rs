//! struct_ops maps: what they implement, and which programs they are made of.

use libbpf_sys as sys;

use crate::map::Map;
use crate::object::Object;
use crate::program::text;

/// A struct_ops map of an object.
pub struct StructOps<'object> {
    pub map: Map<'object>,
    /// The kernel's struct: "tcp_congestion_ops".
    pub kind: String,
    /// Names of the programs in its members.
    pub programs: Vec<&'object str>,
}

impl StructOps<'_> {
    /// As its author wrote it.
    pub fn section(&self) -> &'static str {
        if self.map.flags() & sys::BPF_F_LINK != 0 { ".struct_ops.link" } else { ".struct_ops" }
    }
}

/// Those that the kernel has created.
pub fn of(object: &Object) -> Vec<StructOps<'_>> {
    let maps = object.maps().into_iter().filter(|map| map.kind() == sys::BPF_MAP_TYPE_STRUCT_OPS && map.fd().is_some());
    maps.map(|map| StructOps { map, kind: kind(object, map), programs: programs(object, map) }).collect()
}

fn kind(object: &Object, map: Map<'_>) -> String {
    // SAFETY: object and map are valid; libbpf answers null for an id or a name that its BTF does not have.
    unsafe {
        let btf = sys::bpf_object__btf(object.as_ptr());
        if btf.is_null() {
            return String::new();
        }
        let kind = sys::btf__type_by_id(btf, sys::bpf_map__btf_value_type_id(map.as_ptr()));
        if kind.is_null() {
            return String::new();
        }
        text(sys::btf__name_by_offset(btf, (*kind).name_off)).to_owned()
    }
}

/// libbpf keeps the address of each member's program in the map's initial value.
fn programs<'object>(object: &'object Object, map: Map<'_>) -> Vec<&'object str> {
    let mut size: sys::size_t = 0;
    // SAFETY: the map is valid; the result is null or `size` bytes that live as long as the map.
    let words: Vec<usize> = unsafe {
        let start = sys::bpf_map__initial_value(map.as_ptr(), &mut size).cast::<u8>();
        if start.is_null() {
            return Vec::new();
        }
        let bytes = std::slice::from_raw_parts(start, size as usize);
        bytes
            .chunks_exact(size_of::<usize>())
            .filter_map(|word| Some(usize::from_ne_bytes(word.try_into().ok()?)))
            .collect()
    };
    let programs = object.programs().into_iter();
    programs.filter(|program| words.contains(&(program.as_ptr() as usize))).map(|program| program.name()).collect()
}
