//! What to type after a squash that does not stand its proof.

use dbwarden::migration::RevisionId;
use dbwarden::ops::squash::SquashError;

pub(super) fn after(error: &SquashError) -> String {
    match error {
        SquashError::Unequal { kept, .. } if !kept.is_empty() => {
            let ids = kept.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", ");
            format!(
                "{ids} would run behind the squash and not among what it replaces any more: squash with --to up to before that, and with --from behind it"
            )
        }
        SquashError::Fails { new: false, .. } => {
            "correct what is there: `dbwarden migrate` on an empty database finds it too".to_owned()
        }
        _ => "squash less, with --from and --to: what cannot be a part of it stays a file of its own"
            .to_owned(),
    }
}
