//! Against nodes of a few lines that answer what the test tells them.

use std::sync::Mutex;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::wire::many;
use super::*;
use crate::chain::hex::Number;

/// Answers each request with the next of `answers`, the last one for ever. An empty answer breaks the connection.
async fn node(answers: &[(u16, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret-key", listener.local_addr().unwrap());
    let answers: Arc<Mutex<Vec<(u16, String)>>> = Arc::new(Mutex::new(
        answers
            .iter()
            .rev()
            .map(|(status, body)| (*status, (*body).to_owned()))
            .collect(),
    ));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            tokio::spawn(async move {
                let mut request = vec![0; 1 << 16];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let (status, body) = {
                        let mut answers = answers.lock().unwrap();
                        if answers.len() > 1 {
                            answers.pop().unwrap()
                        } else {
                            answers[0].clone()
                        }
                    };
                    if body.is_empty() {
                        return;
                    }
                    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                    let _ = stream.write_all((head + &body).as_bytes()).await;
                }
            });
        }
    });
    url
}

fn client(urls: &[String], chain_id: Option<u64>) -> RpcClient {
    let options = RpcOptions {
        timeout: Duration::from_millis(500),
        response_limit: 4096,
        ..RpcOptions::default()
    };
    RpcClient::new(urls, chain_id, options).unwrap()
}

async fn number(client: &RpcClient) -> Result<u64, ChainError> {
    client
        .call::<Number>("eth_blockNumber", [(); 0])
        .await
        .map(|number| number.0)
}

const SEVEN: &str = r#"{"jsonrpc":"2.0","id":0,"result":"0x7"}"#;

#[tokio::test]
async fn an_answer_is_read() {
    assert_eq!(number(&client(&[node(&[(200, SEVEN)]).await], None)).await, Ok(7));
}

#[tokio::test]
async fn a_nodes_refusal_is_handed_on_whatever_the_http_status() {
    let refusal = r#"{"jsonrpc":"2.0","id":0,"result":null,"error":{"code":-32000,"message":"nonce too low"}}"#;
    for status in [200, 400] {
        let other = node(&[(200, SEVEN)]).await;
        assert_eq!(
            number(&client(&[node(&[(status, refusal)]).await, other], None)).await,
            Err(ChainError::Rpc {
                code: -32000,
                message: "nonce too low".to_owned(),
                data: Box::default(),
            })
        );
    }
}

#[tokio::test]
async fn garbage_is_called_malformed() {
    for body in [
        "x",
        "{}",
        "[]",
        r#"{"id":0}"#,
        r#"{"id":1,"result":"0x7"}"#,
        r#"{"id":0,"result":7}"#,
        "\u{1F4A3}",
    ] {
        let error = number(&client(&[node(&[(200, body)]).await], None)).await.unwrap_err();
        assert!(matches!(error, ChainError::Malformed(_)), "{body}: {error}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let long = format!(r#"{{"id":0,"result":"0x7","x":"{}"}}"#, "y".repeat(5000));
    let error = number(&client(&[node(&[(200, &long)]).await], None)).await.unwrap_err();
    assert_eq!(error, ChainError::TooLarge { limit: 4096 });
}

#[tokio::test]
async fn the_next_node_is_asked_when_one_fails_and_stays_the_preferred_one() {
    let broken = node(&[(200, "")]).await;
    let busy = node(&[(503, "busy")]).await;
    let good = node(&[(200, SEVEN)]).await;
    let client = client(&[broken, busy, good], None);
    assert_eq!(number(&client).await, Ok(7));
    assert_eq!(client.first(), 2);
    assert_eq!(number(&client).await, Ok(7));
    assert_eq!(client.left().len(), 2);
    let first = client.left().remove(0);
    assert!(
        first.starts_with("node 1 of 3 was left for another one: the node cannot be reached"),
        "{first}"
    );
    client.welcome(0);
    assert_eq!(client.first(), 0);
}

#[tokio::test]
async fn a_node_that_does_not_serve_is_left_and_answers_are_not_held_against_it() {
    let refusing = |code: i64, message: &str| format!(r#"{{"id":0,"error":{{"code":{code},"message":"{message}"}}}}"#);
    for (status, code, message) in [
        (200, 429, "Too Many Requests"),
        (200, -32005, "limit exceeded"),
        (200, -32016, "over the limit"),
        (200, -32000, "header not found"),
        (401, -32000, "no"),
        (503, -32000, "no"),
        (429, -32000, "no"),
    ] {
        let urls = [
            node(&[(status, &refusing(code, message))]).await,
            node(&[(200, SEVEN)]).await,
        ];
        let client = client(&urls, None);
        let newest = client.demand("eth_blockNumber", [(); 0], |Number(number)| Ok(number));
        assert_eq!((newest.await, client.first()), (Ok(7), 1), "{message}");
    }
    for (code, message) in [
        (3, "execution reverted"),
        (-32000, "nonce too low"),
        (-32000, "missing trie node"),
    ] {
        let urls = [
            node(&[(200, &refusing(code, message))]).await,
            node(&[(200, SEVEN)]).await,
        ];
        let client = client(&urls, None);
        let refused = number(&client).await;
        assert!(matches!(refused, Err(ChainError::Rpc { .. })), "{refused:?}");
        assert_eq!(client.first(), 0);
    }
}

#[tokio::test]
async fn a_node_that_alone_is_left_to_ask_is_asked_and_is_well_when_it_answers() {
    let urls = [node(&[(503, "busy"), (200, SEVEN)]).await, node(&[(200, "")]).await];
    let client = client(&urls, None);
    assert!(number(&client).await.is_err());
    assert_eq!(client.left().len(), 2);
    assert_eq!(number(&client).await, Ok(7));
    assert_eq!((client.left().len(), client.first()), (1, 0));
}

#[tokio::test]
async fn a_node_that_is_not_believed_is_asked_after_the_others() {
    let eight = r#"{"jsonrpc":"2.0","id":0,"result":"0x8"}"#;
    let client = client(&[node(&[(200, SEVEN)]).await, node(&[(200, eight)]).await], None);
    assert_eq!(number(&client).await, Ok(7));
    assert_eq!(number(&client.each()[1]).await, Ok(8));
    client.leave(client.first(), "it lies");
    assert_eq!(number(&client).await, Ok(8));
    assert_eq!(number(&client.each()[0]).await, Ok(7));
    client.leave(client.first(), "it lies too");
    assert_eq!(number(&client).await, Ok(7));
    // That it answers is no reason to believe it.
    assert_eq!(client.left().len(), 2);
}

#[tokio::test]
async fn a_node_on_another_chain_is_not_believed() {
    let client = client(&[node(&[(200, SEVEN)]).await], Some(8));
    assert_eq!(
        number(&client).await,
        Err(ChainError::WrongChain { expected: 8, actual: 7 })
    );
}

#[tokio::test]
async fn the_chain_is_asked_again_after_a_failure() {
    let eight = r#"{"jsonrpc":"2.0","id":0,"result":"0x8"}"#;
    let url = node(&[(200, SEVEN), (200, SEVEN), (500, "x"), (200, eight)]).await;
    let client = client(&[url], Some(7));
    assert_eq!(number(&client).await, Ok(7));
    assert_eq!(number(&client).await, Err(ChainError::Status(500)));
    assert_eq!(
        number(&client).await,
        Err(ChainError::WrongChain { expected: 7, actual: 8 })
    );
}

#[tokio::test]
async fn no_error_names_the_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret-key", listener.local_addr().unwrap());
    drop(listener);
    let error = number(&client(&[url], None)).await.unwrap_err();
    assert!(error.is_unreachable());
    assert!(!format!("{error} {error:?}").contains("secret-key"), "{error}");
}

#[tokio::test]
async fn a_node_that_is_silent_is_left_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    assert_eq!(number(&client(&[url], None)).await, Err(ChainError::Timeout));
    drop(listener);
}

#[tokio::test]
async fn a_batch_is_answered_in_the_order_of_its_calls() {
    let body = r#"[{"id":1,"result":"0x2"},{"id":0,"result":"0x1"},{"id":2,"error":{"code":1,"message":"no"}}]"#;
    let client = client(&[node(&[(200, body)]).await], None);
    let call = || Call {
        method: "eth_blockNumber",
        params: serde_json::json!([]),
    };
    let answers = client
        .batch(&[call(), call(), call()], |answers| {
            Ok(answers
                .iter()
                .map(|answer| read::<Number>(answer).map(|number| number.0))
                .collect::<Vec<_>>())
        })
        .await
        .unwrap();
    assert_eq!(
        answers,
        [
            Ok(1),
            Ok(2),
            Err(ChainError::Rpc {
                code: 1,
                message: "no".to_owned(),
                data: Box::default(),
            })
        ]
    );
}

/// A node that knows no other call than for a block's number, takes so many at once, and refuses more in this way.
async fn node_that_takes(most: usize, refusal: &'static [u8]) -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let requests = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut request = vec![0; 1 << 20];
                while let Ok(read @ 1..) = stream.read(&mut request).await {
                    count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let text = String::from_utf8_lossy(&request[..read]);
                    let body = text.split_once("\r\n\r\n").unwrap().1;
                    let answer =
                        |call: &serde_json::Value| serde_json::json!({ "id": call["id"], "result": call["params"][0] });
                    let body = match serde_json::from_str(body).unwrap() {
                        serde_json::Value::Array(calls) if calls.len() > most => {
                            let _ = stream.write_all(refusal).await;
                            return;
                        }
                        serde_json::Value::Array(calls) => calls.iter().map(answer).collect::<serde_json::Value>(),
                        call => answer(&call),
                    };
                    let body = body.to_string();
                    let head = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", body.len());
                    let _ = stream.write_all((head + &body).as_bytes()).await;
                }
            });
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_batch_that_is_refused_as_a_whole_is_asked_for_in_pieces() {
    const TOO_LARGE: &[u8] = b"HTTP/1.1 413 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const ONE_ERROR: &[u8] = b"HTTP/1.1 200 X\r\ncontent-length: 63\r\nconnection: close\r\n\r\n\
        {\"id\":null,\"error\":{\"code\":-32600,\"message\":\"batch too large\"}}";
    const CUT_SHORT: &[u8] =
        b"HTTP/1.1 200 X\r\ncontent-length: 20\r\nconnection: close\r\n\r\n[{\"id\":0,\"result\":\"0";
    const BROKEN_OFF: &[u8] = b"HTTP/1.1 200 X\r\ncontent-length: 9000\r\nconnection: close\r\n\r\n[{\"id\":0";
    for refusal in [TOO_LARGE, ONE_ERROR, CUT_SHORT, BROKEN_OFF] {
        for most in [1, 2, 20, 100] {
            let (url, requests) = node_that_takes(most, refusal).await;
            let client = client(&[url], None);
            let calls: Vec<_> = (0..50_u32)
                .map(|number| Call {
                    method: "echo",
                    params: serde_json::json!([number]),
                })
                .collect();
            for _ in 0..3 {
                let read = |answers: &[Answer]| answers.iter().map(read::<u32>).collect::<Result<Vec<_>, _>>();
                assert_eq!(client.batch(&calls, read).await, Ok((0..50).collect()), "{most}");
            }
            // It is learned once.
            let needed = 3 * 50_usize.div_ceil(most.min(50));
            let made = requests.load(std::sync::atomic::Ordering::Relaxed);
            assert!(made <= 2 * needed + 12, "{most}: {made}");
        }
    }
}

#[test]
fn a_batch_with_a_missing_a_doubled_or_a_foreign_answer_is_malformed() {
    for body in [
        "[]",
        r#"[{"id":0,"result":1},{"id":0,"result":1}]"#,
        r#"[{"id":9,"result":1}]"#,
        r#"[{"id":0}]"#,
    ] {
        assert!(
            matches!(many(body.as_bytes(), 1), Err(ChainError::Malformed(_))),
            "{body}"
        );
    }
}

#[test]
fn only_urls_of_http_are_taken() {
    for urls in [vec![], vec!["ws://x".to_owned()], vec!["nonsense".to_owned()]] {
        assert_eq!(
            RpcClient::new(&urls, None, RpcOptions::default()).unwrap_err(),
            ChainError::Url
        );
    }
}

proptest! {
    #[test]
    fn no_answer_makes_the_client_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (single::<Number>(&body).is_ok(), many(&body, 2).is_ok());
    }
}
