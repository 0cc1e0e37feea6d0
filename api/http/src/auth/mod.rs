//! Who is asking.
//!
//! - [`siwe`]: is this signed message a sign-in for us (EIP-4361)?
//! - [`signature`]: whose signature does a text carry (EIP-191)?
//! - [`authenticator`]: from a bearer token to a principal, on every request.

mod authenticator;
pub(super) mod nonce;
mod signature;
mod siwe;

pub use authenticator::{Authenticate, Authenticated, Authenticator, Barred, Lifetimes, Stores};
pub use siwe::{Rejection, SignInPolicy, Verified, named};
