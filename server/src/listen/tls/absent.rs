//! What stands for TLS where the feature `tls` is off: types without values, so that nothing around them needs to ask.

use std::marker::PhantomData;

use super::{Arrival, Full, Place, Serve};
use crate::server::ServerError;

#[derive(Debug)]
pub(crate) enum Tls {}

#[derive(Clone, Debug)]
pub(crate) enum ServerTls {}

#[derive(Clone, Debug)]
pub(crate) struct Secured<S> {
    tls: ServerTls,
    service: PhantomData<S>,
}

impl Tls {
    pub(crate) fn is_from_files(&self) -> bool {
        match *self {}
    }

    pub(crate) fn load(&self, _protocols: &[&str]) -> Result<ServerTls, ServerError> {
        match *self {}
    }
}

impl<S> Secured<S> {
    pub(crate) fn new(tls: ServerTls, _service: S) -> Self {
        Self {
            tls,
            service: PhantomData,
        }
    }
}

impl<S: Serve + Sync> Serve for Secured<S> {
    async fn serve(self, _arrival: Arrival, _place: Place) {
        match self.tls {}
    }

    async fn turn_away(self, _arrival: Arrival, _full: Full) {
        match self.tls {}
    }
}

pub(crate) fn reload(_all: &[ServerTls]) -> Result<(), ServerError> {
    Ok(())
}
