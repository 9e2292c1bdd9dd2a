//! Putting new programs into the links of the old ones, where the kernel can: no moment without a program and none with two.

use ringside_bpf::object::Object;
use ringside_bpf::struct_ops;
use ringside_proto::messages as pb;

use crate::session::Attached;

/// Kinds of links whose program can be replaced (their update_prog in the kernel).
const REPLACEABLE: [&str; 6] = ["xdp", "tcx", "netkit", "cgroup", "netns", "iter"];
/// The same for the map of a link (their update_map).
const WITH_MAP: &str = "struct_ops";

/// The old attachment whose links this program, or struct_ops map, can take over: of the same name, in the same place.
pub fn counterpart(attached: &[Attached], old: &Object, new: &Object, wanted: &pb::AttachProgram) -> Option<usize> {
    let name = &wanted.program;
    let place = attached.iter().position(|one| match one.map.is_empty() {
        true => one.program == *name && one.choices == wanted.target,
        false => one.map == *name && wanted.target.is_empty(),
    })?;
    let one = &attached[place];
    let is = |kind: &str| match one.map.is_empty() {
        true => REPLACEABLE.contains(&kind),
        false => kind == WITH_MAP,
    };
    let replaceable = !one.links.is_empty() && one.links.iter().all(|link| is(&link.info().kind));
    let same = match (old.program(name), new.program(name)) {
        (Some(before), Some(after)) => {
            before.section() == after.section()
                && before.kind() == after.kind()
                && before.expected_attach_type() == after.expected_attach_type()
        }
        _ => !one.map.is_empty() && struct_ops::of(new).iter().any(|ops| ops.map.name() == name),
    };
    (same && replaceable).then_some(place)
}

/// Links that were given new programs. Unless [`Replaced::keep`] is called they get their old ones back.
pub struct Replaced<'a> {
    attached: &'a [Attached],
    old: &'a Object,
    places: Vec<usize>,
    kept: bool,
}

impl<'a> Replaced<'a> {
    pub fn new(attached: &'a [Attached], old: &'a Object) -> Self {
        Self { attached, old, places: Vec::new(), kept: false }
    }

    /// Puts what this version has into all links of an attachment, or into none: then the kernel cannot, and false is the
    /// answer.
    pub fn replace(&mut self, place: usize, new: &Object) -> bool {
        let count = self.attached[place].links.len();
        let done = update(&self.attached[place], new, count);
        if done < count {
            update(&self.attached[place], self.old, done);
            return false;
        }
        self.places.push(place);
        true
    }

    /// From here on the new programs stay. Returns the places of the attachments that were taken over.
    pub fn keep(mut self) -> Vec<usize> {
        self.kept = true;
        std::mem::take(&mut self.places)
    }
}

impl Drop for Replaced<'_> {
    fn drop(&mut self) {
        if !self.kept {
            for place in &self.places {
                // They held these programs a moment ago, in the same place.
                update(&self.attached[*place], self.old, self.attached[*place].links.len());
            }
        }
    }
}

/// Gives the first `count` links what `version` has for them. Returns how many took it.
fn update(attached: &Attached, version: &Object, count: usize) -> usize {
    let links = attached.links.iter().take(count);
    match attached.map.is_empty() {
        true => {
            let Some(program) = version.program(&attached.program).and_then(|program| program.fd()) else { return 0 };
            links.take_while(|link| link.update(program).is_ok()).count()
        }
        false => {
            let Some(map) = version.map(&attached.map) else { return 0 };
            links.take_while(|link| link.update_map(map).is_ok()).count()
        }
    }
}
