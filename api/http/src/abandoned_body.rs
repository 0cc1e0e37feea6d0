//! What becomes of a body that nobody reads to its end.
//!
//! When a handler lets go of a body without a stated length, the server underneath goes on taking it in, for as long as the
//! client likes to send, before it closes the connection or uses it again. So the body is held here until the answer is
//! sent: the connection is then closed at once.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::web::Bytes;
use futures::Stream as _;
use futures::StreamExt as _;

/// A body that is held.
pub struct Held(Rc<RefCell<Payload>>);

/// Holds a body; also answers with the same body for whoever reads it. A request without one has nothing to hold.
pub fn hold(payload: Payload) -> (Payload, Option<Held>) {
    if matches!(payload, Payload::None) {
        return (payload, None);
    }
    let held = Rc::new(RefCell::new(payload));
    let read = Rc::clone(&held);
    let stream = futures::stream::poll_fn(move |context| Pin::new(&mut *read.borrow_mut()).poll_next(context));
    let payload = Payload::Stream {
        payload: stream.boxed_local(),
    };
    (payload, Some(Held(held)))
}

impl Held {
    /// The answer, with which the hold ends.
    pub fn until_sent(self, answer: BoxBody) -> BoxBody {
        BoxBody::new(Answer {
            body: answer,
            _held: self.0,
        })
    }
}

struct Answer {
    body: BoxBody,
    _held: Rc<RefCell<Payload>>,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
