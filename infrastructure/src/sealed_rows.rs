//! Pages of sealed rows, of which one that cannot be read hides no other one: it is left out, and ends with its time.

use application::ports::StoreError;

/// Fills a page with the rows that come next, of which no more were asked for than the page has room for, without those that cannot be read; and answers whether it is done: the page is
/// full, or there are no more rows.
pub(crate) fn fill<R, T>(
    page: &mut Vec<T>,
    room: u32,
    rows: Vec<R>,
    read: impl Fn(R) -> Result<T, StoreError>,
) -> bool {
    let room = room as usize;
    let are_the_last = rows.len() < room;
    for row in rows {
        match read(row) {
            Ok(one) => page.push(one),
            Err(error) => tracing::error!(%error, "a sealed row is left out"),
        }
    }
    page.truncate(room);
    are_the_last || page.len() == room
}
