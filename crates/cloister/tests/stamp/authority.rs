//! A time-stamping authority on this machine: OpenSSL behind HTTP (RFC 3161, 3.4).
#![expect(clippy::unwrap_used, reason = "a test that fails here says so")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) struct Authority {
    folder: PathBuf,
    /// Where it listens.
    pub(crate) url: String,
}

impl Authority {
    /// Makes its certificates in a folder, and answers from then on.
    pub(crate) fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("tsa.cnf"), CONFIGURATION).unwrap();
        std::fs::write(folder.join("serial"), "01\n").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let authority = Self { folder: folder.to_owned(), url };
        for key in ["ca", "tsa"] {
            let curve = "ec_paramgen_curve:P-256";
            let out = format!("{key}.key");
            authority.openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out", &out]);
        }
        let subject = ["-config", "tsa.cnf", "-days", "3650", "-subj"];
        let root =
            ["req", "-x509", "-new", "-key", "ca.key", "-extensions", "ca", "-out", "ca.pem"];
        authority.openssl(&[&root[..], &subject, &["/CN=test root"]].concat());
        let request = ["req", "-new", "-key", "tsa.key", "-out", "tsa.csr", "-config", "tsa.cnf"];
        authority.openssl(&[&request[..], &["-subj", "/CN=test authority"]].concat());
        let issued = ["x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key"];
        let as_authority = ["-set_serial", "2", "-days", "3650", "-extfile", "tsa.cnf"];
        let out = ["-extensions", "signer", "-out", "tsa.pem"];
        authority.openssl(&[&issued[..], &as_authority, &out].concat());
        let chain = ["tsa.pem", "ca.pem"].map(|name| std::fs::read(folder.join(name)).unwrap());
        std::fs::write(folder.join("chain.pem"), chain.concat()).unwrap();
        let answering = folder.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&answering, stream.unwrap());
            }
        });
        authority
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    fn openssl(&self, arguments: &[&str]) {
        let done = openssl(&self.folder, arguments);
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

pub(crate) fn openssl(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("openssl");
    command.args(arguments).current_dir(folder).output().expect("openssl runs")
}

/// One request, one answer.
fn answer(folder: &Path, mut stream: std::net::TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut length, mut kind) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if let Some(value) = line.strip_prefix("content-type: ") {
            value.clone_into(&mut kind);
        }
    }
    assert_eq!(kind, "application/timestamp-query");
    let mut query = vec![0; length];
    reader.read_exact(&mut query).unwrap();
    std::fs::write(folder.join("query"), &query).unwrap();
    let reply = ["ts", "-reply", "-queryfile", "query", "-config", "tsa.cnf", "-out", "reply"];
    assert!(openssl(folder, &reply).status.success());
    let body = std::fs::read(folder.join("reply")).unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
}

const CONFIGURATION: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
CN = test
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
certs = ca.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
";
