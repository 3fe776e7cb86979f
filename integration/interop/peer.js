// Signs and verifies with Digital Bazaar's implementation of eddsa-jcs-2022.
//
// Reads one JSON array of tasks from standard input and writes an array of
// results, in order, to standard output:
//
//   {"task": "verify", "receipt": {...}}
//     -> {"verified": true} or {"verified": false, "error": "..."}
//   {"task": "sign", "receipt": {...}, "key": {Multikey with secretKeyMultibase},
//    "created": "2026-05-12T10:00:00Z"}
//     -> {"receipt": {...}}
//
// All documents that may be asked for stand under "documents" of a task, by
// URL. Nothing is fetched from anywhere.

import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {
  createSignCryptosuite,
  createVerifyCryptosuite,
} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {readFileSync} from 'node:fs';
import jsigs from 'jsonld-signatures';

const {AssertionProofPurpose} = jsigs.purposes;

const loaderFor = documents => async url => {
  const document = documents[url];
  if(!document) {
    throw new Error(`no document for ${url} was handed in`);
  }
  return {documentUrl: url, document, contextUrl: null};
};

async function verify({receipt, documents}) {
  const result = await jsigs.verify(receipt, {
    suite: new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()}),
    purpose: new AssertionProofPurpose(),
    documentLoader: loaderFor(documents),
  });
  if(result.verified) {
    return {verified: true, proofs: result.results.length};
  }
  const errors = result.error.errors ?? [result.error];
  return {verified: false, error: errors.map(e => e.message).join('; ')};
}

async function sign({receipt, key, created, documents}) {
  const pair = await Ed25519Multikey.from(key);
  return {
    receipt: await jsigs.sign(receipt, {
      suite: new DataIntegrityProof({
        signer: pair.signer(),
        date: created,
        cryptosuite: createSignCryptosuite(),
      }),
      purpose: new AssertionProofPurpose(),
      documentLoader: loaderFor(documents),
    }),
  };
}

const tasks = {verify, sign};
const results = [];
for(const task of JSON.parse(readFileSync(0, 'utf8'))) {
  results.push(await tasks[task.task](task));
}
process.stdout.write(JSON.stringify(results));
