//! The lock of a database that is replaced while it is held.

use super::{LockError, LockGuard, LockRow, read};
use crate::driver::DriverErrorKind;
use crate::value::Value;

impl LockGuard<'_> {
    /// Releases the lock of a database that was replaced under it: what its rows say now is as old as the backup. The token grows
    /// beyond both, so that no holder of then or now can come back; where the backup knew no lock, there is none to release.
    ///
    /// # Errors
    /// The engine's answer. The lease then runs out by itself.
    pub(crate) fn replaced(mut self) -> Result<(), LockError> {
        self.released = true;
        self.heartbeat = None;
        self.session.rollback()?;
        let then = match read(&mut *self.session, &self.records) {
            Ok(LockRow::Free(token)) => token,
            Ok(LockRow::Held(holder)) => holder.token,
            Err(LockError::Driver(error)) if error.kind == DriverErrorKind::Statement => return Ok(()),
            Err(error) => return Err(error),
        };
        let next = then.max(self.token) + 1;
        let row = [next.into(), Value::Null, Value::Null, then.into()];
        self.session.execute(&self.records.take, &row)?;
        self.held = None;
        Ok(())
    }

    /// Renews the lease for the last time: the heartbeat has ended, and nothing writes but this session.
    ///
    /// # Errors
    /// [`LockError::Lost`] where the token is another's.
    pub(crate) fn last_renewal(&mut self) -> Result<(), LockError> {
        self.heartbeat = None;
        self.session.rollback()?;
        self.session.begin()?;
        self.renew(None)?;
        Ok(self.session.commit()?)
    }

    /// Ends with a database that another has taken the place of: its lock is nobody's any more.
    pub(crate) fn forget(mut self) {
        self.released = true;
    }
}
