//! Maps that a load put into bpffs because the object says so (LIBBPF_PIN_BY_NAME): they go with the object. Where the user
//! named a place, the map stays there.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use crate::map::{self, Map};
use crate::object::Object;
use crate::undo::{self, Kept, Receipt, announce};
use crate::{Error, Result};

/// A pin that this process has made; dropping it removes it, unless another map is there by now.
pub(crate) struct Pin {
    kind: u32,
    name: String,
    path: String,
    made: Option<(u32, u64)>,
    receipt: Option<Receipt>,
}

/// Writes down what the load of the object is going to pin.
pub(crate) fn announced(object: &Object) -> Result<Vec<Pin>> {
    let news = object.maps().into_iter().filter(|map| map.autocreate() && map.fd().is_none());
    news.filter(|map| !map.pin_path().is_empty() && !object.keeps_pin(map.pin_path()))
        // What is there already is somebody's, or the kernel will say what is wrong with the place.
        .filter(|map| fs::symlink_metadata(map.pin_path()).is_err())
        .map(|map| Pin::announced(&map))
        .collect()
}

impl Pin {
    fn announced(map: &Map<'_>) -> Result<Self> {
        let mut pin = Self {
            kind: map.kind(),
            name: map.name().chars().take(15).collect(),
            path: map.pin_path().to_owned(),
            made: None,
            receipt: None,
        };
        pin.receipt = Some(announce(&pin.kept())?);
        Ok(pin)
    }

    /// Notes which map it became. Where even that cannot be written down, its name and type have to do.
    pub(crate) fn made(&mut self) -> Result<()> {
        let map = map::open_pinned(&self.path)?;
        let inode = fs::symlink_metadata(&self.path)
            .map_err(|error| Error::new("cannot look at the pin", error.raw_os_error().unwrap_or(0)))?
            .ino();
        self.made = Some((map::info(map.as_fd())?.id, inode));
        if let Ok(receipt) = announce(&self.kept()) {
            self.receipt = Some(receipt);
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn kept(&self) -> Kept {
        Kept::Pin { kind: self.kind, name: self.name.clone(), made: self.made, path: self.path.clone() }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if self.made.is_some()
            && undo::unpin(self.kind, &self.name, self.made, &self.path).is_err()
            && let Some(receipt) = self.receipt.take()
        {
            receipt.leave_open();
        }
    }
}
