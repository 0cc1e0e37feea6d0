// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Details, Grant, Query} from "../src/libraries/ConsentTypes.sol";
import {ConsentTest} from "./utils/ConsentTest.sol";
import {Random, Seed} from "./utils/Random.sol";
import {TypedData} from "./utils/TypedData.sol";
import {vm} from "./utils/Vm.sol";

/// @title What a grant allows
contract ConsentRegistryScopeTest is ConsentTest {
    using Random for Seed;

    uint256 private salt;

    /// @dev Hands in a grant with these details, and asks.
    function allows(Details memory details, Query memory query) private returns (bool) {
        details.salt = bytes32(++salt);
        Grant memory given = grantOf(details);
        handIn(given, ADA_KEY);
        return registry.isAllowed(given, details, query);
    }

    function test_a_category_is_allowed_that_is_named() public {
        Query memory query = someQuery();
        vm.assertTrue(allows(someDetails(), query), "summary");
        query.category = "results";
        vm.assertTrue(allows(someDetails(), query), "results");
        query.category = "medication";
        vm.assertFalse(allows(someDetails(), query), "medication");
        query.category = "";
        vm.assertFalse(allows(someDetails(), query), "none");
    }

    function test_the_whole_record_is_all_but_what_is_sensitive() public {
        Details memory details = someDetails();
        Query memory query = someQuery();
        details.categories = list("record");
        vm.assertTrue(allows(details, query), "summary");
        query.category = "sensitive";
        vm.assertFalse(allows(details, query), "sensitive");
        details.categories = list("record", "sensitive");
        vm.assertTrue(allows(details, query), "sensitive, by its name");
    }

    function test_a_grant_of_no_category_allows_nothing() public {
        Details memory details = someDetails();
        details.categories = list();
        vm.assertFalse(allows(details, someQuery()), "nothing");
    }

    function test_documents_that_are_named_are_the_only_ones() public {
        Details memory details = someDetails();
        Query memory query = someQuery();
        (details.categories, query.category, query.document) = (list("documents"), "documents", "a letter");
        vm.assertTrue(allows(details, query), "any document");
        details.documents = list("a letter", "a scan");
        vm.assertTrue(allows(details, query), "the letter");
        query.document = "another letter";
        vm.assertFalse(allows(details, query), "another letter");
        query.document = "";
        vm.assertFalse(allows(details, query), "no document");
        details.documents = list("");
        vm.assertFalse(allows(details, query), "no document, named");
    }

    function test_a_period_is_what_is_of_it() public {
        Details memory details = someDetails();
        Query memory query = someQuery();
        (details.from, details.until) = (1000, 2000);
        uint40[6] memory times = [uint40(999), 1000, 1999, 2000, 0, type(uint40).max];
        bool[6] memory within = [false, true, true, false, false, false];
        for (uint256 i = 0; i < times.length; ++i) {
            query.time = times[i];
            require(allows(details, query) == within[i], "from its beginning until before its end");
        }
        (details.until, query.time) = (0, type(uint40).max);
        vm.assertTrue(allows(details, query), "without an end");
        (details.from, details.until, query.time) = (0, 2000, 1);
        vm.assertTrue(allows(details, query), "without a beginning");
    }

    function test_another_grantee_or_purpose_is_not_allowed_nor_writing() public {
        Query memory query = someQuery();
        query.grantee = "practitioner/00000000-0000-4000-8000-000000000000";
        vm.assertFalse(allows(someDetails(), query), "another grantee");
        query = someQuery();
        query.purpose = "research";
        vm.assertFalse(allows(someDetails(), query), "another purpose");
        query = someQuery();
        query.writes = true;
        vm.assertFalse(allows(someDetails(), query), "writing");
        Details memory details = someDetails();
        details.mayWrite = true;
        vm.assertTrue(allows(details, query), "writing, as granted");
        vm.assertTrue(allows(details, someQuery()), "reading, too");
    }

    function test_other_details_than_those_that_were_signed_allow_nothing() public {
        Grant memory given = someGrant();
        handIn(given, ADA_KEY);
        for (uint256 field = 0; field < 9; ++field) {
            Details memory other = someDetails();
            if (field == 0) other.name = "Dr. Nobody";
            if (field == 1) other.categories = list("record");
            if (field == 2) other.documents = list("a letter");
            if (field == 3) other.from = 1;
            if (field == 4) other.until = 1;
            if (field == 5) other.mayWrite = true;
            if (field == 6) other.granteeSalt = 0;
            if (field == 7) other.salt = 0;
            if (field == 8) other.categories = list("summaryresults");
            vm.assertFalse(registry.isAllowed(given, other, someQuery()), "other details");
        }
    }

    function test_a_grant_whose_tag_is_not_the_grantees_allows_nothing() public {
        Grant memory given = someGrant();
        given.granteeTag = keccak256("the tag of somebody else");
        handIn(given, ADA_KEY);
        vm.assertFalse(registry.isAllowed(given, someDetails(), someQuery()), "it could not be revoked by its grantee");
    }

    function testFuzz_what_is_allowed_is_what_the_model_says(uint256 random) public {
        Seed memory seed = Seed(random);
        Details memory details = someDetails();
        details.categories = new string[](seed.below(3));
        for (uint256 i = 0; i < details.categories.length; ++i) {
            details.categories[i] = category(seed);
        }
        details.documents = new string[](seed.below(3));
        for (uint256 i = 0; i < details.documents.length; ++i) {
            details.documents[i] = document(seed);
        }
        (details.from, details.until) = (uint40(seed.below(3)), uint40(seed.below(4)));
        details.mayWrite = seed.oneIn(2);
        Query memory query = someQuery();
        (query.category, query.document, query.time) = (category(seed), document(seed), uint40(seed.below(5)));
        query.writes = seed.oneIn(2);
        if (seed.oneIn(8)) query.purpose = "research";
        if (seed.oneIn(8)) query.grantee = "organisation/1";
        vm.assertTrue(allows(details, query) == expected(details, query), "as the model says");
    }

    function category(Seed memory seed) private pure returns (string memory) {
        string[5] memory names = ["summary", "results", "sensitive", "record", ""];
        return names[seed.below(5)];
    }

    function document(Seed memory seed) private pure returns (string memory) {
        string[3] memory names = ["", "a letter", "a scan"];
        return names[seed.below(3)];
    }

    /// @dev Written the other way round: it looks for a reason against it.
    function expected(Details memory details, Query memory query) private pure returns (bool) {
        if (!same(details.grantee, query.grantee) || !same(details.purpose, query.purpose)) return false;
        if (query.writes && !details.mayWrite) return false;
        if (query.time == 0 && (details.from != 0 || details.until != 0)) return false;
        if (query.time < details.from) return false;
        if (details.until != 0 && query.time >= details.until) return false;
        if (details.documents.length != 0 && (same(query.document, "") || !has(details.documents, query.document))) {
            return false;
        }
        if (same(query.category, "")) return false;
        if (has(details.categories, query.category)) return true;
        return has(details.categories, "record") && !same(query.category, "sensitive");
    }

    function has(string[] memory texts, string memory wanted) private pure returns (bool found) {
        for (uint256 i = 0; i < texts.length; ++i) {
            found = found || same(texts[i], wanted);
        }
    }

    function same(string memory left, string memory right) private pure returns (bool) {
        return keccak256(bytes(left)) == keccak256(bytes(right));
    }
}
