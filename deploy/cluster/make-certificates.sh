#!/bin/sh
# Certificates for a cluster of its own: sh deploy/cluster/make-certificates.sh FOLDER
#
# Makes an authority (ca.pem) and one certificate and key for each of Dask's roles, and FOLDER/environment, shell lines
# that tell Dask where they are. Whoever holds one of these keys may run code on the workers: nobody else can read them.
# Dask looks at who signed a certificate, not at host names, so nothing here depends on the machines.
set -eu

DAYS=825
if [ $# -ne 1 ]; then
    echo "usage: sh $0 FOLDER" >&2
    exit 2
fi
if [ -e "$1/ca.pem" ]; then
    echo "$1 has certificates already; remove the folder, or name another one." >&2
    exit 1
fi
umask 077
mkdir -p "$1"
cd "$1"

new_key() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
}

# sign ROLE USES: what a key may be used for is part of its certificate
sign() {
    new_key "$1"
    printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" \
        "extendedKeyUsage=$2" "subjectKeyIdentifier=hash" "authorityKeyIdentifier=keyid" > extensions
    openssl req -new -key "$1.key" -subj "/CN=bnviz $1" -out request
    openssl x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days "$DAYS" -sha256 \
        -extfile extensions -out "$1.pem" 2> messages || { cat messages >&2; exit 1; }
}

new_key ca
openssl req -x509 -new -key ca.key -subj "/CN=bnviz cluster" -days "$DAYS" -sha256 -addext "keyUsage=critical,keyCertSign" \
    -out ca.pem
sign scheduler serverAuth,clientAuth # it connects to workers, too
sign worker serverAuth,clientAuth    # so do workers, to each other
sign client clientAuth               # the app: it cannot pass itself off as the scheduler
rm -f request extensions messages ca.srl

cat > environment << END
export DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=true
export DASK_DISTRIBUTED__COMM__TLS__CA_FILE='$PWD/ca.pem'
END
for role in scheduler worker client; do
    name=$(echo "$role" | tr '[:lower:]' '[:upper:]')
    echo "export DASK_DISTRIBUTED__COMM__TLS__${name}__CERT='$PWD/$role.pem'" >> environment
    echo "export DASK_DISTRIBUTED__COMM__TLS__${name}__KEY='$PWD/$role.key'" >> environment
done
